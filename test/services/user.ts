import { execFileSync } from 'node:child_process';

export type User = { name: string; uid: number; gid: number };

export const isRoot = process.getuid?.() === 0;

const idOf = (flag: string, name: string): number =>
  Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));

/** Whom a service runs as when we are root: PostgreSQL refuses root, and none of them needs it. */
export const unprivilegedUser = (): User => {
  for (const name of ['postgres', 'nobody']) {
    try {
      return { name, uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {
      // This system has no such user.
    }
  }
  throw new Error(
    'Neither the user "postgres" nor "nobody" exists: PostgreSQL cannot run as root.',
  );
};
