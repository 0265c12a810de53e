import type { Journal } from '../journal/journal.ts';
import { createInTurn, type InTurn } from '../lib/in-turn.ts';
import type { Lease } from '../pool/lease.ts';
import { LOST, type ProcessExit } from '../providers/types/process.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';
import { createRecorder, positionOf, stateOf, topicOf } from './records.ts';

type Parts = { store: Store; journal: Journal; lease: Lease };

const RUNS = ['STARTING', 'RUNNING'] as const;

export const endedRow = (row: Process, exit: ProcessExit, endedAt: number): Process => {
  const { kind: _, reason: __, ...facts } = exit;
  return { ...row, state: stateOf(exit), ...facts, endedAt };
};

/** Ends the journal of a process, then its row. */
export const close = async (
  { store, journal, lease }: Parts,
  row: Process,
  exit: ProcessExit,
  at: number,
): Promise<void> => {
  await journal.end(topicOf(row.id));
  const { state, exitCode, signal, cpuSeconds, maxMemoryBytes, endedAt, pid } = endedRow(
    row,
    exit,
    at,
  );
  const patch = { state, exitCode, signal, cpuSeconds, maxMemoryBytes, endedAt, pid };
  await store.processes.update(row.tenant, row.id, patch, RUNS, lease.fence);
};

/** The end that a row tells of, for who cannot read it in the journal; null while the process runs. */
export const exitOfRow = (row: Process): ProcessExit | null => {
  const { state, exitCode, signal, cpuSeconds, maxMemoryBytes } = row;
  if (state === 'STARTING' || state === 'RUNNING') return null;
  const facts = { exitCode, signal, cpuSeconds, maxMemoryBytes };
  return state === 'TIMED_OUT'
    ? { ...facts, kind: 'SIGNALED', reason: 'TIMED_OUT' }
    : { ...facts, kind: state, reason: null };
};

/** Several may come back to one process at once, and its end is recorded once. */
const turns = new WeakMap<Journal, InTurn>();
const turnsOf = (journal: Journal): InTurn => {
  const known = turns.get(journal) ?? createInTurn();
  turns.set(journal, known);
  return known;
};

/** Ends the journal of a process that has ended elsewhere with what its row says, so that who follows it hears of the end. */
export const closeAsRow = (journal: Journal, row: Process): Promise<void> =>
  turnsOf(journal)(row.id, () => writeEndOf(journal, row));

const writeEndOf = async (journal: Journal, row: Process): Promise<void> => {
  const topic = topicOf(row.id);
  const exit = exitOfRow(row);
  const info = await journal.info(topic);
  if (exit === null || info === null || info.ended) return;
  const last = await journal.lastRecord(topic);
  const at = row.endedAt ?? row.startedAt;
  if (last?.kind !== 'exited') {
    const recorder = createRecorder(last);
    const rest = recorder.lost(
      at,
      'The rest of the output is not recorded here.',
      positionOf(last),
    );
    await journal.append(topic, [rest, ...recorder.exit(at, exit)]);
  }
  await journal.end(topic);
};

/** Ends the row of a process that was surely not started, then its journal, as far as there is one. */
export const closeUnstarted = async (parts: Parts, row: Process, at: number): Promise<void> => {
  const { store, journal, lease } = parts;
  const patch = { state: 'LOST', endedAt: at } as const;
  await store.processes.update(row.tenant, row.id, patch, ['STARTING'], lease.fence);
  const topic = topicOf(row.id);
  const info = await journal.info(topic);
  if (info === null || info.ended) return;
  await journal.append(topic, createRecorder(null).exit(at, LOST));
  await journal.end(topic);
};
