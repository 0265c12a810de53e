import { readFileSync } from 'node:fs';

const LISTEN = '0A';

/** TCP ports that something listens on, from /proc/net/tcp and tcp6. */
export const listPorts = (): number[] => {
  const ports = new Set<number>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(file, 'utf8').split('\n').slice(1)) {
      const [, local = '', , state] = line.trim().split(/\s+/);
      if (state === LISTEN) ports.add(Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16));
    }
  }
  ports.delete(3128);
  return [...ports].sort((a, b) => a - b);
};
