import { exceeds } from '../authorization/rights.ts';
import { AppError } from '../errors.ts';
import { atInstant } from '../lib/at-instant.ts';
import type { Identity } from './principal.ts';
import type { Revocations } from './revocations.ts';

/** What lives as long as a token does: a WebSocket with all its streams, or one event stream. */
export type Session = {
  identity(): Identity;
  /** Calls once, when the token has expired (`TOKEN_EXPIRED`) or was revoked (`TOKEN_REVOKED`); the returned function removes the listener. */
  onEnd(listener: (reason: AppError) => void): () => void;
  /** Continues with another token of the same subject that has no fewer rights. `FORBIDDEN` for any other. */
  renew(identity: Identity): void;
  close(): void;
};

export type Sessions = { open(identity: Identity): Session };

const expired = (): AppError =>
  new AppError(
    'TOKEN_EXPIRED',
    'The token has expired, so this stream ends. Subscribe again with a new token and your last cursor; no event is lost.',
  );
const revoked = (): AppError =>
  new AppError('TOKEN_REVOKED', 'The token was revoked, so this stream ends. Get a new token.');

const assertSameCaller = (current: Identity, next: Identity): void => {
  if (next.subject !== current.subject || next.tenant !== current.tenant)
    throw new AppError(
      'FORBIDDEN',
      'This connection belongs to another subject or tenant. Open a new connection for this token.',
    );
  const lost = exceeds(current.rights, next.rights);
  if (lost !== null)
    throw new AppError(
      'FORBIDDEN',
      `The new token has fewer rights than the one with which this connection was opened (${lost}). Open a new connection for it.`,
    );
};

export const createSessions = (revocations: Revocations): Sessions => {
  const checks = new Set<() => void>();
  revocations.onChange(() => {
    for (const checkRevoked of checks) checkRevoked();
  });

  return {
    open(first) {
      let identity = first;
      let ended: AppError | null = null;
      const listeners = new Set<(reason: AppError) => void>();
      const end = (reason: AppError): void => {
        if (ended) return;
        ended = reason;
        session.close();
        for (const listener of [...listeners]) listener(reason);
        listeners.clear();
      };
      const expire = (): void => end(expired());
      let cancelExpiry = atInstant(identity.expiresAt, expire);
      const checkRevoked = (): void => {
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
          assertSameCaller(identity, next);
          identity = next;
          cancelExpiry();
          cancelExpiry = atInstant(identity.expiresAt, expire);
        },
        close() {
          cancelExpiry();
          checks.delete(checkRevoked);
        },
      };
      checks.add(checkRevoked);
      checkRevoked();
      return session;
    },
  };
};
