import type { Principal } from '../authentication/principal.ts';
import { scopeOf, seesAll } from '../authorization/visibility.ts';
import { AppError, notFound } from '../errors.ts';
import type { SandboxProcess } from '../providers/types/process.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';
import type { ShareAccess } from '../store/types/share.ts';
import type { Pumps } from './pumps.ts';
import { notTakenUp } from './wait-for-exit.ts';

const missing = (id: string): AppError =>
  notFound(id.startsWith('trm_') ? 'terminal' : 'process', id);

/** The one place where a process is looked up for a caller. */
export type ProcessFinder = {
  /** `NOT_FOUND` also for a process of a sandbox that the caller may not see. */
  find(principal: Principal, id: string, need: ShareAccess): Promise<Process>;
  /** One that runs, for input and signals. `TERMINATED` when it has ended. */
  live(principal: Principal, id: string): Promise<{ row: Process; process: SandboxProcess }>;
};

export const createProcessFinder = ({
  store,
  sandboxes,
  pumps,
}: {
  store: Store;
  sandboxes: SandboxAccess;
  pumps: Pumps;
}): ProcessFinder => {
  /** A process is seen by who sees its sandbox. */
  const find = async (principal: Principal, id: string, need: ShareAccess): Promise<Process> => {
    const row = await store.processes.find(scopeOf(principal), id);
    if (!row) throw missing(id);
    if (seesAll(principal)) return row;
    await sandboxes.find(principal, row.sandboxId, need).catch((error: unknown) => {
      throw error instanceof AppError && error.code === 'NOT_FOUND' ? missing(id) : error;
    });
    return row;
  };

  const live = async (
    principal: Principal,
    id: string,
  ): Promise<{ row: Process; process: SandboxProcess }> => {
    const row = await find(principal, id, 'write');
    const process = pumps.live(id);
    if (process) return { row, process };
    if (row.endedAt === null) {
      await sandboxes.requireHere(row.tenant, row.sandboxId);
      throw notTakenUp(id);
    }
    throw new AppError(
      'TERMINATED',
      `The process ${id} has ended (${row.state}). Its output can still be read.`,
    );
  };

  return { find, live };
};
