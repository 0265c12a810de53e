import type { JournalRecord, JsonValue, NewRecord } from '../journal/journal.ts';
import { type OutputStream, outputStreams, type ProcessExit } from '../providers/types/process.ts';
import { decodeUtf8, flushUtf8 } from './utf8.ts';

/**
 * What the journal of a process holds. Output: kind is the stream, `p` the provider's position, `c` the incomplete UTF-8 of every stream
 * before this record, so that its text depends on nothing else; `f` on the last one, which has no bytes. `lost`: the provider dropped
 * output. `exited`: last, and once.
 */
type Pending = Partial<Record<OutputStream, string>>;
type OutputMeta = { p: number; c?: Pending; f?: true };

const TOPIC = 'process:';
export const topicOf = (processId: string): string => `${TOPIC}${processId}`;
/** The process of a topic; null when it is that of something else. */
export const processOf = (topic: string): string | null =>
  topic.startsWith(TOPIC) ? topic.slice(TOPIC.length) : null;

export const isOutput = (kind: string): kind is OutputStream =>
  outputStreams.some((stream) => stream === kind);

const NONE = new Uint8Array();
const fromBase64 = (text: string | undefined): Uint8Array =>
  text ? Buffer.from(text, 'base64') : NONE;

export const textOf = (record: JournalRecord): string => {
  const { c, f } = record.meta as OutputMeta;
  const before = fromBase64(c?.[record.kind as OutputStream]);
  return f ? flushUtf8(before) : decodeUtf8(before, record.bytes).text;
};

/** Writes records of one process, knowing what each stream has left incomplete. */
export const createRecorder = (last: JournalRecord | null) => {
  let pending: Pending = {};
  const advance = (stream: OutputStream, bytes: Uint8Array): void => {
    const { pending: rest } = decodeUtf8(fromBase64(pending[stream]), bytes);
    const { [stream]: _, ...others } = pending;
    pending = rest.length ? { ...others, [stream]: Buffer.from(rest).toString('base64') } : others;
  };
  if (last && isOutput(last.kind)) {
    pending = (last.meta as OutputMeta).c ?? {};
    advance(last.kind, last.bytes);
  }
  const meta = (p: number): OutputMeta => (Object.keys(pending).length ? { p, c: pending } : { p });
  return {
    output(at: number, stream: OutputStream, bytes: Uint8Array, position: number): NewRecord {
      const record = { at, kind: stream, meta: meta(position) as JsonValue, bytes };
      advance(stream, bytes);
      return record;
    },
    lost: (at: number, reason: string, position: number): NewRecord => ({
      at,
      kind: 'lost',
      meta: { p: position, reason },
      bytes: NONE,
    }),
    /** The incomplete rest of each stream, then the exit. */
    exit(at: number, exit: ProcessExit): NewRecord[] {
      const position = last ? positionOf(last) : 0;
      const rests = (Object.keys(pending) as OutputStream[]).map((stream) => ({
        at,
        kind: stream,
        meta: { ...meta(position), f: true } as JsonValue,
        bytes: NONE,
      }));
      return [...rests, { at, kind: 'exited', meta: { ...exit }, bytes: NONE }];
    },
  };
};

/** As it was recorded; one of an earlier version calls its reason a kind. */
export const exitOf = ({ meta }: JournalRecord): ProcessExit => {
  const exit = meta as unknown as ProcessExit & { kind: string };
  return exit.kind === ('TIMED_OUT' as string)
    ? { ...exit, kind: 'SIGNALED', reason: 'TIMED_OUT' }
    : { ...exit, reason: exit.reason ?? null };
};

/** The state of a row, and the kind of the event that tells of it. */
export const stateOf = ({ kind, reason }: ProcessExit): ExitState =>
  kind === 'SIGNALED' && reason === 'TIMED_OUT' ? 'TIMED_OUT' : kind;
export type ExitState = ProcessExit['kind'] | 'TIMED_OUT';

export const positionOf = (record: JournalRecord | null): number => {
  const { p } = (record?.meta ?? {}) as { p?: number };
  return typeof p === 'number' ? p : 0;
};
