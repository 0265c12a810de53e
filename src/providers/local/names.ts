import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { withTimeLimit } from '../../lib/time-limit.ts';

export type ResolveOptions = {
  /** Default: those of the system. */
  servers?: readonly string[];
  /** Of one name, in milliseconds. */
  timeoutMs?: number;
  /** Names at once. */
  width?: number;
};

/** Addresses of host names. Null: too many names are being resolved already. */
export type ResolveName = (host: string) => Promise<string[] | null>;

/**
 * Asks name servers itself. The system's `getaddrinfo` would hold one of the few threads that everything in this process shares for as long
 * as a server that a sandbox has chosen takes to answer.
 */
export const createResolveName = ({
  servers,
  timeoutMs = 10_000,
  width = 64,
}: ResolveOptions = {}): ResolveName => {
  const running = new Map<string, Promise<string[]>>();

  const resolve = async (host: string): Promise<string[]> => {
    // Made anew each time: the servers of the machine may have changed.
    const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 4), tries: 2 });
    if (servers) resolver.setServers(servers);
    const both = Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    try {
      const late = () => new Error('The name servers do not answer.');
      const answers = await withTimeLimit(both, timeoutMs, late);
      return answers.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    } finally {
      resolver.cancel();
    }
  };

  return async (host) => {
    if (isIP(host)) return [host];
    const known = running.get(host);
    if (known !== undefined) return known;
    if (running.size >= width) return null;
    const work = resolve(host).finally(() => running.delete(host));
    running.set(host, work);
    return work;
  };
};
