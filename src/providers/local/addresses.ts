import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Never reached from a sandbox, whatever the policy: the host, its neighbours, metadata services, and tunnels that could lead to them. */
const forbidden = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  forbidden.addSubnet(net, bits, 'ipv4');
}
// Of IPv6 only 2000::/3 is global; 6to4 and Teredo carry an IPv4 address inside.
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
for (const [net, bits] of [
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const) {
  forbidden.addSubnet(net, bits, 'ipv6');
}

/** The host's own public addresses too: connections to oneself do not pass the firewall that guards them. */
const isOwn = (address: string): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === address));

/** False also for what is no address at all. */
export const isPublic = (address: string): boolean => {
  switch (address.includes('%') ? 0 : isIP(address)) {
    case 4:
      return !forbidden.check(address, 'ipv4') && !isOwn(address);
    case 6:
      return global6.check(address, 'ipv6') && !forbidden.check(address, 'ipv6') && !isOwn(address);
    default:
      return false;
  }
};
