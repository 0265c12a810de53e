import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Revocation, RevocationStore } from '../store/types/revocation.ts';
import type { Identity } from './principal.ts';

/** How a revocation identifies a token. Signed URLs carry it, so that they end with the token with which they were requested. */
export type Bearer = Pick<Identity, 'tenant' | 'subject' | 'tokenId' | 'issuedAt'>;

export const bearerOf = ({ tenant, subject, tokenId, issuedAt }: Identity): Bearer => ({
  tenant,
  subject,
  tokenId,
  issuedAt,
});

export type Revocations = {
  isRevoked(bearer: Bearer): boolean;
  /** Throws `TOKEN_REVOKED`. */
  check(bearer: Bearer): void;
  /** Takes effect here at once, and on other servers of the same store within half a second. */
  add(row: Revocation): Promise<void>;
  /** Calls after new revocations were added, here or on another server. */
  onChange(listener: () => void): void;
  dispose(): void;
};

const POLL_MS = 500;
/** How much the clocks of two servers may differ, including the time until a row is visible to others. */
const OVERLAP_MS = 60_000;

const key = (tenant: string, value: string): string => JSON.stringify([tenant, value]);

/** All revocations in memory: checking them costs less than verifying a token. */
export const openRevocations = async ({
  store,
  log,
}: {
  store: Pick<RevocationStore, 'insert' | 'since'>;
  log: Logger;
}): Promise<Revocations> => {
  const seen = new Set<string>();
  const tokens = new Set<string>();
  /** Tokens of a subject or a tenant that were issued until then are revoked. */
  const revokedUntil = { subject: new Map<string, number>(), tenant: new Map<string, number>() };
  const listeners = new Set<() => void>();
  let newest = 0;

  const apply = (rows: readonly Revocation[]): void => {
    const fresh = rows.filter(({ id }) => !seen.has(id));
    for (const { id, kind, tenant, value, before, createdAt } of fresh) {
      seen.add(id);
      newest = Math.max(newest, createdAt);
      const name = key(tenant, value);
      if (kind === 'token') tokens.add(name);
      else revokedUntil[kind].set(name, Math.max(before, revokedUntil[kind].get(name) ?? 0));
    }
    if (fresh.length) for (const listener of listeners) listener();
  };

  apply(await store.since(0));
  let polling = false;
  const timer = setInterval(() => {
    if (polling) return;
    polling = true;
    store
      .since(newest - OVERLAP_MS)
      .then(apply)
      .catch((error: unknown) => log.error({ err: error }, 'The revocations could not be read.'))
      .finally(() => {
        polling = false;
      });
  }, POLL_MS).unref();

  const revocations: Revocations = {
    isRevoked({ tenant, subject, tokenId, issuedAt }) {
      if (seen.size === 0) return false;
      return (
        (tokenId !== null && tokens.has(key(tenant, tokenId))) ||
        issuedAt <= (revokedUntil.subject.get(key(tenant, subject)) ?? -1) ||
        issuedAt <= (revokedUntil.tenant.get(key(tenant, '')) ?? -1)
      );
    },
    check(bearer) {
      if (revocations.isRevoked(bearer))
        throw new AppError('TOKEN_REVOKED', 'The token was revoked. Get a new one.');
    },
    async add(row) {
      await store.insert(row);
      apply([row]);
    },
    onChange: (listener) => void listeners.add(listener),
    dispose: () => clearInterval(timer),
  };
  return revocations;
};
