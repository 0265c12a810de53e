import { scopeOf, seesAll } from '../authorization/visibility.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Store } from '../store/store.ts';
import type { ProcessFinder } from './find.ts';
import type { ProcessService } from './operations.ts';
import type { OutputReader } from './output.ts';

type Reading = Pick<ProcessService, 'get' | 'getMany' | 'page' | 'count' | 'follow' | 'readOutput'>;

/** What callers look at: rows of processes, and what processes wrote. */
export const createReading = ({
  store,
  sandboxes,
  output,
  finder: { find },
}: {
  store: Store;
  sandboxes: SandboxAccess;
  output: OutputReader;
  finder: ProcessFinder;
}): Reading => ({
  get: (principal, id) => find(principal, id, 'read'),
  async getMany(principal, ids) {
    const rows = await store.processes.findMany(scopeOf(principal), ids);
    if (seesAll(principal)) return rows;
    const places = [...new Set(rows.flatMap((row) => (row ? [row.sandboxId] : [])))];
    const seen = new Set(
      (await sandboxes.findMany(principal, places)).map((sandbox) => sandbox?.id),
    );
    return rows.map((row) => (row && seen.has(row.sandboxId) ? row : null));
  },
  async page(principal, sandboxId, filter, page) {
    const { tenant } = await sandboxes.find(principal, sandboxId, 'read');
    return store.processes.page(tenant, sandboxId, filter, page);
  },
  async count(principal, sandboxId, filter) {
    const { tenant } = await sandboxes.find(principal, sandboxId, 'read');
    return store.processes.count(tenant, sandboxId, filter);
  },
  async follow(principal, id, after, signal) {
    const row = await find(principal, id, 'read');
    const { tenant, sandboxId } = row;
    await sandboxes.requireHere(tenant, sandboxId);
    const events = await output.follow(row, after, signal);
    return sandboxes.whileVisible(principal, sandboxId, events);
  },
  async readOutput(principal, id, after, bytes) {
    const row = await find(principal, id, 'read');
    await sandboxes.requireHere(row.tenant, row.sandboxId);
    return output.page(row, after, bytes);
  },
});
