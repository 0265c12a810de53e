import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Whether a user who owns nothing on the way could come as far as `path`. */
export const isReachable = (path: string): boolean => {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
};

/** bwrap runs as a user without rights: below root's own home it could not reach what it has to bind. */
export const chooseBase = (stateDir: string): string => {
  const own = join(stateDir, 'local');
  mkdirSync(own, { recursive: true, mode: 0o711 });
  if (process.getuid?.() !== 0) return own;
  chmodSync(stateDir, 0o711);
  chmodSync(own, 0o711);
  if (isReachable(own)) return own;
  const base = join(
    '/var/lib/sandbank',
    createHash('sha256').update(stateDir).digest('hex').slice(0, 16),
  );
  mkdirSync(base, { recursive: true, mode: 0o711 });
  chmodSync('/var/lib/sandbank', 0o711);
  chmodSync(base, 0o711);
  return base;
};
