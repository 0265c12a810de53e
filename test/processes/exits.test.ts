import { describe, expect, it } from 'vitest';
import type { JournalRecord, JsonValue } from '../../src/journal/journal.ts';
import { createRecorder, exitOf, stateOf } from '../../src/processes/records.ts';
import { LOST, type ProcessExit } from '../../src/providers/types/process.ts';

const recorded = (meta: JsonValue): JournalRecord => ({
  seq: 1,
  at: 1,
  kind: 'exited',
  meta,
  bytes: new Uint8Array(),
});

describe('exits of processes', () => {
  it('are read as they are recorded', () => {
    const exit: ProcessExit = { ...LOST, kind: 'SIGNALED', reason: 'TIMED_OUT', signal: 'SIGKILL' };
    const record = createRecorder(null).exit(1, exit).at(-1);
    expect(exitOf(recorded(record?.meta ?? null))).toEqual(exit);
  });

  it('that a version without reasons recorded are read too', () => {
    const { reason: _, ...facts } = LOST;
    expect(exitOf(recorded({ ...facts, kind: 'TIMED_OUT', signal: 'SIGKILL' }))).toEqual({
      ...facts,
      kind: 'SIGNALED',
      reason: 'TIMED_OUT',
      signal: 'SIGKILL',
    });
    expect(exitOf(recorded({ ...facts, kind: 'EXITED', exitCode: 3 }))).toMatchObject({
      kind: 'EXITED',
      reason: null,
    });
  });

  it('keep a state of their own for a timeout, and only for one that was seen', () => {
    const states = [
      { ...LOST, kind: 'EXITED', exitCode: 0 },
      { ...LOST, kind: 'SIGNALED', signal: 'SIGTERM' },
      { ...LOST, kind: 'SIGNALED', signal: 'SIGKILL', reason: 'TIMED_OUT' },
      { ...LOST, reason: 'TIMED_OUT' },
    ] as const;
    expect(states.map(stateOf)).toEqual(['EXITED', 'SIGNALED', 'TIMED_OUT', 'LOST']);
  });
});
