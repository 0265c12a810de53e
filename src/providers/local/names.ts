import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { withTimeLimit } from '../../lib/time-limit.ts';

/** After the addresses of one family have come, those of the other are waited for no longer than this (RFC 8305, "Resolution Delay"). */
const GRACE_MS = 50;

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
    const answers: [string[], string[]] = [[], []];
    const first = Promise.withResolvers<void>();
    const take = async (index: 0 | 1, asked: Promise<string[]>): Promise<void> => {
      answers[index] = await asked.catch(() => []);
      if (answers[index].length) first.resolve();
    };
    const both = Promise.all([take(0, resolver.resolve4(host)), take(1, resolver.resolve6(host))]);
    // Some name servers answer one family and never the other.
    const enough = first.promise.then(() => sleep(GRACE_MS));
    try {
      const late = () => new Error('The name servers do not answer.');
      await withTimeLimit(Promise.race([both, enough]), timeoutMs, late).catch((error: unknown) => {
        if (!answers.flat().length) throw error;
      });
      return answers.flat();
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
