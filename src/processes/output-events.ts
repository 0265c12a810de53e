import type { JournalItem, JournalRecord } from '../journal/journal.ts';
import type { OutputStream, ProcessExit } from '../providers/types/process.ts';
import { type ExitState, exitOf, isOutput, stateOf, textOf } from './records.ts';

export type OutputEvent = {
  kind: 'output';
  cursor: string;
  at: number;
  stream: OutputStream;
  bytes: Uint8Array;
  readonly text: string;
};
export type ExitEvent = Omit<ProcessExit, 'kind'> & {
  kind: ExitState;
  event: 'exit';
  cursor: string;
  at: number;
};
export type GapEvent = { kind: 'gap'; cursor: string; from: number; to: number; reason: string };
export type ProcessEvent = OutputEvent | ExitEvent | GapEvent;

/** Consecutive output of one stream travels as one event of about this size. */
const EVENT_BYTES = 64 * 1024;

/** The cursor of a place. */
export type At = (seq: number) => string;

const outputEvent = (
  records: JournalRecord[],
  stream: OutputStream,
  cursor: string,
): OutputEvent => {
  const [only] = records;
  let text: string | undefined;
  return {
    kind: 'output',
    cursor,
    at: only?.at ?? 0,
    stream,
    bytes:
      records.length === 1 && only ? only.bytes : Buffer.concat(records.map(({ bytes }) => bytes)),
    get text() {
      text ??= records.map(textOf).join('');
      return text;
    },
  };
};

export const exitEvent = (exit: ProcessExit, cursor: string, at: number): ExitEvent => ({
  ...exit,
  kind: stateOf(exit),
  event: 'exit',
  cursor,
  at,
});

/** Records as callers see them; output of one stream in a row is one event. */
export const toEvents = (items: readonly JournalItem[], at: At): ProcessEvent[] => {
  const events: ProcessEvent[] = [];
  let group: JournalRecord[] = [];
  let size = 0;
  const flush = (): void => {
    const last = group.at(-1);
    if (last) events.push(outputEvent(group, last.kind as OutputStream, at(last.seq)));
    group = [];
    size = 0;
  };
  for (const item of items) {
    if ('gap' in item) {
      flush();
      events.push({
        kind: 'gap',
        cursor: at(item.to),
        from: item.from,
        to: item.to,
        reason: 'These records are damaged on disk.',
      });
    } else if (isOutput(item.kind)) {
      if (group[0] && (group[0].kind !== item.kind || size + item.bytes.length > EVENT_BYTES))
        flush();
      group.push(item);
      size += item.bytes.length;
    } else {
      flush();
      if (item.kind === 'exited') events.push(exitEvent(exitOf(item), at(item.seq), item.at));
      else
        events.push({
          kind: 'gap',
          cursor: at(item.seq),
          from: item.seq,
          to: item.seq,
          reason: String((item.meta as { reason?: string }).reason ?? 'The provider lost output.'),
        });
    }
  }
  flush();
  return events;
};

export const trimmedGap = (at: At, from: number, to: number): GapEvent => ({
  kind: 'gap',
  cursor: at(to),
  from,
  to,
  reason: 'The output is older than what is kept.',
});
