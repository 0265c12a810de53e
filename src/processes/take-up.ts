import { AppError } from '../errors.ts';
import type { Pool } from '../pool/pool.ts';
import { LOST, type SandboxProcess } from '../providers/types/process.ts';
import type { Process } from '../store/types/process.ts';
import { close, type PumpOptions } from './pump.ts';
import { createRecorder, exitOf, positionOf, topicOf } from './records.ts';

export type TakeUpOptions = Pick<PumpOptions, 'store' | 'journal' | 'lease' | 'clock'> & {
  pool: Pool;
};

/**
 * Connects to a process whose row says that it runs, so that its output goes on where its journal ends. Null when there is nothing more to
 * record here: another server looks after it, or it has ended, which is written then.
 */
export const takeUp = async (
  options: TakeUpOptions,
  row: Process,
): Promise<SandboxProcess | null> => {
  const { store, journal, lease, pool, clock } = options;
  const sandbox = await store.sandboxes.find(row.tenant, row.sandboxId);
  if (sandbox?.owner !== lease.fence.owner) return null;
  const topic = topicOf(row.id);
  await journal.create(topic);
  const last = await journal.lastRecord(topic);
  if (last?.kind === 'exited') {
    await close(options, row, exitOf(last), last.at);
    return null;
  }
  try {
    if (sandbox.state !== 'READY') throw new AppError('NOT_FOUND', 'The sandbox has ended.');
    const handle = await pool.handle(sandbox);
    return await handle.attach(row.id, row.ref ?? row.id, positionOf(last));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
    const at = clock();
    await journal.append(topic, createRecorder(last).exit(at, LOST));
    await close(options, row, LOST, at);
    return null;
  }
};
