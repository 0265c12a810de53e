import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Revocation, RevocationStore } from '../store/types/revocation.ts';
import type { Identity } from './principal.ts';

/** What a revocation knows a token by; signed URLs carry it, to end with the token they were asked for with. */
export type Bearer = Pick<Identity, 'tenant' | 'subject' | 'tokenId' | 'issuedAt'>;

export const bearerOf = ({ tenant, subject, tokenId, issuedAt }: Identity): Bearer => ({
  tenant,
  subject,
  tokenId,
  issuedAt,
});

export type Revocations = {
  isRevoked(bearer: Bearer): boolean;
  /** `TOKEN_REVOKED`. */
  check(bearer: Bearer): void;
  /** Holds here at once, and on other servers of the same store within half a second. */
  add(row: Revocation): Promise<void>;
  /** Called when there are new ones. */
  onChange(listener: () => void): void;
  dispose(): void;
};

const POLL_MS = 500;
/** How far the clocks of two servers, and the time a row takes to be seen, may lie apart. */
const OVERLAP_MS = 60_000;

const key = (tenant: string, value: string): string => JSON.stringify([tenant, value]);

/** All revocations in memory: a look at them costs less than the token's own check. */
export const openRevocations = async ({
  store,
  log,
}: {
  store: Pick<RevocationStore, 'insert' | 'since'>;
  log: Logger;
}): Promise<Revocations> => {
  const seen = new Set<string>();
  const tokens = new Set<string>();
  /** Until when tokens issued do not count, of a subject or of a tenant. */
  const befores = { subject: new Map<string, number>(), tenant: new Map<string, number>() };
  const listeners = new Set<() => void>();
  let newest = 0;

  const take = (rows: readonly Revocation[]): void => {
    const fresh = rows.filter(({ id }) => !seen.has(id));
    for (const { id, kind, tenant, value, before, createdAt } of fresh) {
      seen.add(id);
      newest = Math.max(newest, createdAt);
      const name = key(tenant, value);
      if (kind === 'token') tokens.add(name);
      else befores[kind].set(name, Math.max(before, befores[kind].get(name) ?? 0));
    }
    if (fresh.length) for (const listener of listeners) listener();
  };

  take(await store.since(0));
  let polling = false;
  const timer = setInterval(() => {
    if (polling) return;
    polling = true;
    store
      .since(newest - OVERLAP_MS)
      .then(take)
      .catch((error: unknown) => log.error({ err: error }, 'revocations could not be read'))
      .finally(() => {
        polling = false;
      });
  }, POLL_MS).unref();

  const revocations: Revocations = {
    isRevoked({ tenant, subject, tokenId, issuedAt }) {
      if (seen.size === 0) return false;
      return (
        (tokenId !== null && tokens.has(key(tenant, tokenId))) ||
        issuedAt <= (befores.subject.get(key(tenant, subject)) ?? -1) ||
        issuedAt <= (befores.tenant.get(key(tenant, '')) ?? -1)
      );
    },
    check(bearer) {
      if (revocations.isRevoked(bearer))
        throw new AppError('TOKEN_REVOKED', 'The token was revoked. Get a new one.');
    },
    async add(row) {
      await store.insert(row);
      take([row]);
    },
    onChange: (listener) => void listeners.add(listener),
    dispose: () => clearInterval(timer),
  };
  return revocations;
};
