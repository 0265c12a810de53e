import type { Logger } from 'pino';
import { applyCeiling } from '../authorization/ceilings.ts';
import { AppError } from '../errors.ts';
import type { Lifecycle } from '../pool/lifecycle.ts';
import type { Store } from '../store/store.ts';
import type { SandboxFilter } from '../store/types/sandbox.ts';
import { type Connect, notReady } from './connect.ts';
import { lifetimeMs, type SandboxDefaults } from './new-row.ts';
import type { SandboxService } from './operations.ts';
import type { SandboxReader } from './reader.ts';
import { check, Labels } from './types.ts';

type Changes = Pick<SandboxService, 'setLabels' | 'extend' | 'destroy' | 'destroyMany'>;

const MAX_DESTROY = 1_000;

const isEmpty = (filter: SandboxFilter): boolean =>
  Object.values(filter).every(
    (value) =>
      value === undefined || (typeof value === 'object' && Object.keys(value).length === 0),
  );

/** What callers change of sandboxes that there are. */
export const createChanges = ({
  store,
  reader,
  connect,
  lifecycle,
  defaults,
  clock,
  log,
}: {
  store: Store;
  reader: SandboxReader;
  connect: Connect;
  lifecycle: Lifecycle;
  defaults: SandboxDefaults;
  clock: () => number;
  log: Logger;
}): Changes => {
  const changes: Changes = {
    async setLabels(principal, id, raw) {
      const labels = check(Labels, raw);
      const { tenant } = await reader.find(principal, id, 'write');
      await store.sandboxes.update(tenant, id, { labels });
      return reader.find(principal, id, 'read');
    },
    async extend(principal, id, seconds) {
      const asked = applyCeiling(principal.rights, 'lifetimeSeconds', seconds, undefined);
      const expiresAt = clock() + lifetimeMs(defaults, asked);
      const sandbox = await reader.find(principal, id, 'write');
      if (sandbox.expiresAt <= clock()) throw notReady(sandbox);
      const move = async (): Promise<void> => (await connect(sandbox)).handle.extendTo(expiresAt);
      // The row promises a later end only when the provider has agreed to it; an earlier one Sandbank keeps alone.
      if (expiresAt > sandbox.expiresAt) await move();
      const changed = await store.sandboxes.update(
        sandbox.tenant,
        id,
        { expiresAt },
        { from: ['CREATING', 'READY'] },
      );
      if (!changed) throw notReady(sandbox);
      if (expiresAt < sandbox.expiresAt)
        move().catch((error: unknown) =>
          log.debug({ err: error, sandbox: id }, 'the provider keeps the later expiration'),
        );
      return { ...sandbox, expiresAt };
    },
    async destroy(principal, id) {
      const sandbox = await reader.find(principal, id, 'write');
      await lifecycle.destroy(sandbox, 'USER', `Destroyed by ${principal.subject}.`);
      return reader.find(principal, id, 'read');
    },
    async destroyMany(principal, filter) {
      if (isEmpty(filter))
        throw new AppError(
          'INVALID_ARGUMENT',
          'The filter is empty. Name what to destroy; to destroy all, filter by state.',
        );
      const rows = await reader.page(
        principal,
        { states: ['QUEUED', 'CREATING', 'READY'], ...filter },
        'createdAt',
        { limit: MAX_DESTROY, descending: false },
      );
      const living = rows.filter(({ endedAt }) => endedAt === null);
      return Promise.all(living.map(({ id }) => changes.destroy(principal, id)));
    },
  };
  return changes;
};
