import type { Logger } from 'pino';
import type { Retries } from '../lib/retries.ts';
import type { Lease } from '../pool/lease.ts';
import type { SandboxProcess } from '../providers/types/process.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';

/** Most commands have ended by then, and cost no write for having run. */
const SHORT_MS = 200;

/** The row of a process that has been started or found. */
export const runningRow = (row: Process, process: SandboxProcess): Process => ({
  ...row,
  state: 'RUNNING',
  ref: process.ref === row.id ? null : process.ref,
  pid: process.pid,
});

/** Writes that a process runs, as what, and under which name its provider knows it. */
export const createMarker = ({
  store,
  lease,
  retries,
  log,
}: {
  store: Store;
  lease: Lease;
  retries: Retries;
  log: Logger;
}) => {
  const write = async ({ tenant, id, state, ref, pid }: Process): Promise<void> => {
    const from = ['STARTING', 'RUNNING'] as const;
    await store.processes.update(tenant, id, { state, ref, pid }, from, lease.fence);
  };
  /** Settles after the first attempt and never rejects: the process runs, whatever becomes of the write, which is tried again. */
  const mark = async (row: Process): Promise<void> => {
    await write(row).catch((error: unknown) => {
      log.warn({ err: error, process: row.id }, 'it is written later that a process runs');
      retries.add(`${row.id} runs`, () => write(row));
    });
  };
  return {
    mark,
    /** Unless the process has ended by then. */
    markLater: (row: Process): NodeJS.Timeout => setTimeout(() => void mark(row), SHORT_MS).unref(),
  };
};
