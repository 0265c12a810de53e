import type { Logger } from 'pino';
import { applyCeiling } from '../authorization/ceilings.ts';
import { AppError } from '../errors.ts';
import { eachBounded } from '../lib/bounded.ts';
import { createInTurn } from '../lib/in-turn.ts';
import type { Lease } from '../pool/lease.ts';
import type { Lifecycle } from '../pool/lifecycle.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox, SandboxFilter } from '../store/types/sandbox.ts';
import { type Connect, notReady } from './connect.ts';
import { lifetimeMs, type SandboxDefaults } from './new-row.ts';
import type { SandboxService } from './operations.ts';
import type { SandboxReader } from './reader.ts';
import { check, Labels } from './types.ts';

type Changes = Pick<SandboxService, 'setLabels' | 'extend' | 'destroy' | 'destroyMany'>;

const MAX_DESTROY = 1_000;
const WIDTH = 16;

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
  lease,
  defaults,
  clock,
  log,
}: {
  store: Store;
  reader: SandboxReader;
  connect: Connect;
  lifecycle: Lifecycle;
  lease: Lease;
  defaults: SandboxDefaults;
  clock: () => number;
  log: Logger;
}): Changes => {
  const inTurn = createInTurn();
  const changes: Changes = {
    async setLabels(principal, id, raw) {
      const labels = check(Labels, raw);
      const { tenant } = await reader.find(principal, id, 'write');
      await store.sandboxes.update(tenant, id, { labels });
      return reader.find(principal, id, 'read');
    },
    async extend(principal, id, seconds) {
      const asked = applyCeiling(principal.rights, 'lifetimeSeconds', seconds, undefined);
      const answer = Promise.withResolvers<Sandbox>();
      // The row and the provider hear of two changes in the same order.
      inTurn(id, async () => {
        const expiresAt = clock() + lifetimeMs(defaults, asked);
        const sandbox = await reader.find(principal, id, 'write');
        if (sandbox.expiresAt <= clock()) throw notReady(sandbox);
        const { handle } = await connect(sandbox);
        // The row promises a later end only when the provider has agreed to it; an earlier one Sandbank keeps alone.
        const isLater = expiresAt > sandbox.expiresAt;
        if (isLater) await handle.extendTo(expiresAt);
        const change = { from: ['CREATING', 'READY'], fence: lease.fence } as const;
        if (!(await store.sandboxes.update(sandbox.tenant, id, { expiresAt }, change)))
          throw notReady(sandbox);
        answer.resolve({ ...sandbox, expiresAt });
        if (!isLater)
          await handle
            .extendTo(expiresAt)
            .catch((error: unknown) =>
              log.debug({ err: error, sandbox: id }, 'the provider keeps the later expiration'),
            );
      }).catch(answer.reject);
      return answer.promise;
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
      const gone: Sandbox[] = [];
      const failures: unknown[] = [];
      await eachBounded(rows, WIDTH, async ({ id }) => {
        try {
          gone.push(await changes.destroy(principal, id));
        } catch (error) {
          failures.push(error);
          log.warn({ err: error, sandbox: id }, 'a sandbox of a mass destroy was not destroyed');
        }
      });
      // What another may destroy, or another server, is left; what was destroyed must not be told as a failure.
      if (gone.length === 0 && failures.length > 0) throw failures[0];
      return gone;
    },
  };
  return changes;
};
