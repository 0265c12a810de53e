import { AppError, isAmbiguous } from '../errors.ts';
import type { Pool } from '../pool/pool.ts';
import { LOST, type SandboxProcess } from '../providers/types/process.ts';
import type { Process } from '../store/types/process.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { close } from './close.ts';
import type { PumpOptions } from './pump.ts';
import { createRecorder, exitOf, positionOf, topicOf } from './records.ts';

export type TakeUpOptions = Pick<PumpOptions, 'store' | 'journal' | 'lease' | 'clock'> & {
  pool: Pool;
};

const EARLIER = 'Another server recorded the output before; it is not here.';

/** A process is surely not to be found: it is unknown, or nobody can say whether it was started. */
const isLost = (error: unknown, pool: Pool, { provider }: Sandbox): boolean =>
  error instanceof AppError &&
  (error.code === 'NOT_FOUND' ||
    (isAmbiguous(error) && pool.get(provider).capabilities.reattach === 'none'));

/**
 * Connects to a process whose row says that it runs, so that its output goes on where its journal ends. Null when there is nothing more to
 * record here: another server looks after it, or it has ended, which is written then. `wasAway`: another server may have recorded it since
 * this one did.
 */
export const takeUp = async (
  options: TakeUpOptions,
  row: Process,
  wasAway: boolean,
): Promise<SandboxProcess | null> => {
  const { store, journal, lease, pool, clock } = options;
  const sandbox = await store.sandboxes.find(row.tenant, row.sandboxId);
  if (sandbox?.owner !== lease.fence.owner) return null;
  const topic = topicOf(row.id);
  const info = await journal.info(topic);
  const last = await journal.lastRecord(topic);
  if (last?.kind === 'exited' || info?.ended) {
    const exit = last?.kind === 'exited' ? exitOf(last) : LOST;
    await close(options, row, exit, last?.at ?? clock());
    return null;
  }
  const noteEarlier = async (): Promise<void> => {
    const lost = createRecorder(last).lost(clock(), EARLIER, positionOf(last));
    await journal.append(topic, [lost]);
  };
  // A start makes the journal before the process: where there is none, it ran under another server.
  const isMissing = info === null;
  const isToldAlready = last?.kind === 'lost';
  if ((wasAway && !isToldAlready) || (isMissing && row.state === 'RUNNING')) await noteEarlier();
  try {
    if (sandbox.state !== 'READY') throw new AppError('NOT_FOUND', 'The sandbox has ended.');
    const handle = await pool.handle(sandbox);
    const process = await handle.attach(row.id, row.ref ?? row.id, positionOf(last));
    if (isMissing && row.state === 'STARTING') await noteEarlier();
    return process;
  } catch (error) {
    if (!isLost(error, pool, sandbox)) throw error;
    const at = clock();
    await journal.append(topic, createRecorder(await journal.lastRecord(topic)).exit(at, LOST));
    await close(options, row, LOST, at);
    return null;
  }
};
