import { exceeds } from '../authorization/rights.ts';
import { AppError } from '../errors.ts';
import { atInstant } from '../lib/at-instant.ts';
import type { Identity } from './principal.ts';
import type { Revocations } from './revocations.ts';

/** What lives as long as a token does: a WebSocket with all its streams, or one event stream. */
export type Session = {
  identity(): Identity;
  /** Calls once, when the token has expired (`TOKEN_EXPIRED`) or was revoked (`TOKEN_REVOKED`); the returned function forgets it. */
  onEnd(listener: (why: AppError) => void): () => void;
  /** Goes on with another token of the same subject that may do no less. `FORBIDDEN` for any other. */
  renew(identity: Identity): void;
  close(): void;
};

export type Sessions = { open(identity: Identity): Session };

const expired = (): AppError =>
  new AppError(
    'TOKEN_EXPIRED',
    'The token has expired, and with it this stream. Subscribe again with a new token and your last cursor: nothing is lost.',
  );
const revoked = (): AppError =>
  new AppError('TOKEN_REVOKED', 'The token was revoked, and with it this stream.');

const refuseOther = (now: Identity, next: Identity): void => {
  if (next.subject !== now.subject || next.tenant !== now.tenant)
    throw new AppError(
      'FORBIDDEN',
      'This connection belongs to another subject. Open a new one for this token.',
    );
  const lost = exceeds(now.rights, next.rights);
  if (lost !== null)
    throw new AppError(
      'FORBIDDEN',
      `The new token may do less than the one this connection was opened with (${lost}). Open a new connection for it.`,
    );
};

export const createSessions = (revocations: Revocations): Sessions => {
  const looks = new Set<() => void>();
  revocations.onChange(() => {
    for (const look of looks) look();
  });

  return {
    open(first) {
      let identity = first;
      let ended: AppError | null = null;
      const listeners = new Set<(why: AppError) => void>();
      const end = (why: AppError): void => {
        if (ended) return;
        ended = why;
        session.close();
        for (const listener of [...listeners]) listener(why);
        listeners.clear();
      };
      const expire = (): void => end(expired());
      let forget = atInstant(identity.expiresAt, expire);
      const look = (): void => {
        if (revocations.isRevoked(identity)) end(revoked());
      };
      const session: Session = {
        identity: () => identity,
        onEnd(listener) {
          if (ended) queueMicrotask(() => ended && listener(ended));
          else listeners.add(listener);
          return () => void listeners.delete(listener);
        },
        renew(next) {
          revocations.check(next);
          refuseOther(identity, next);
          identity = next;
          forget();
          forget = atInstant(identity.expiresAt, expire);
        },
        close() {
          forget();
          looks.delete(look);
        },
      };
      looks.add(look);
      look();
      return session;
    },
  };
};
