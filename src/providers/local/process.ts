import { AppError } from '../../errors.ts';
import { createMailbox } from '../../lib/mailbox.ts';
import {
  LOST,
  type OutputChunk,
  type OutputLost,
  outputStreams,
  type ProcessExit,
  type VendorProcess,
} from '../types/process.ts';
import type { Head } from './agent/protocol.ts';
import { FRAME_COST, MAX_BODY } from './agent/protocol.ts';
import type { Link } from './link.ts';

/** The supervisor stops at 8 MiB that are not acknowledged and goes on at 4; what sends four times as much is not our supervisor. */
const ACK_BYTES = 2 ** 20;
const MAX_HELD = 32 * 2 ** 20;

const isStream = (name: unknown): name is OutputChunk['stream'] =>
  outputStreams.some((one) => one === name);

/** The supervisor says how a process ended; it runs beside untrusted code, so its words are checked. */
const readExit = (raw: unknown): ProcessExit => {
  const { kind, exitCode, signal, cpuSeconds, maxMemoryBytes } = (raw ?? {}) as Record<
    string,
    unknown
  >;
  const number = (value: unknown): number | null =>
    typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
  if (kind === 'EXITED' && number(exitCode) !== null) {
    return {
      kind,
      reason: null,
      exitCode: Number(exitCode) & 255,
      signal: null,
      cpuSeconds: number(cpuSeconds),
      maxMemoryBytes: number(maxMemoryBytes),
    };
  }
  if ((kind === 'SIGNALED' || kind === 'TIMED_OUT') && typeof signal === 'string') {
    return {
      kind: 'SIGNALED',
      reason: kind === 'TIMED_OUT' ? kind : null,
      exitCode: null,
      signal: signal.slice(0, 20),
      cpuSeconds: number(cpuSeconds),
      maxMemoryBytes: number(maxMemoryBytes),
    };
  }
  return LOST;
};

export type ProcessTable = {
  /** The process as the provider's seam wants it; the caller has told the supervisor to spawn or attach already. */
  open(
    id: string,
    after: number,
  ): {
    process: VendorProcess;
    setPid(pid: number | null): void;
    /** It was not started after all: nothing of it is kept here. */
    drop(): void;
  };
  /** Whoever has not been seen to exit is lost: for good when the sandbox has ended, for this server when it lets go. */
  loseAll(reason: 'SANDBOX_ENDED' | null): void;
};

export const createProcessTable = (link: Link): ProcessTable => {
  const receivers = new Map<string, (head: Head, body: Buffer) => void>();
  const losers = new Set<(reason: ProcessExit['reason']) => void>();
  link.on('out', (head, body) => receivers.get(String(head.p))?.(head, body));

  return {
    open(id, after) {
      const mailbox = createMailbox<OutputChunk | OutputLost>();
      const exit = Promise.withResolvers<ProcessExit>();
      let pid: number | null = null;
      let position = after;
      let previous = 0;
      let unacknowledged = 0;
      let held = 0;
      const finish = (how: ProcessExit): void => {
        losers.delete(lose);
        mailbox.end();
        exit.resolve(how);
      };
      const lose = (reason: ProcessExit['reason']): void => finish({ ...LOST, reason });
      losers.add(lose);
      const receive = (head: Head, body: Buffer): void => {
        const n = Number(head.n);
        if (n <= position) return;
        position = n;
        if (head.s === 'exit') {
          finish(readExit(head.exit));
          return;
        }
        if (!isStream(head.s)) return;
        held += body.length + FRAME_COST;
        if (held > MAX_HELD) {
          receivers.delete(id);
          lose(null);
        } else mailbox.push({ kind: 'output', stream: head.s, bytes: body, position: n });
      };
      receivers.set(id, receive);
      const note = (size: number): void => {
        held -= size;
        unacknowledged += size;
      };
      const output: AsyncIterable<OutputChunk | OutputLost> = {
        [Symbol.asyncIterator]: () => ({
          async next() {
            // Each costs a system call: when there is nothing else to do, or now and then.
            if (previous && (mailbox.isEmpty() || unacknowledged > ACK_BYTES)) {
              link.notify({ t: 'ack', p: id, n: previous });
              unacknowledged = 0;
            }
            const result = await mailbox.next();
            previous = result.done ? 0 : result.value.position;
            if (!result.done && result.value.kind === 'output')
              note(result.value.bytes.length + FRAME_COST);
            return result;
          },
          async return() {
            return { done: true, value: undefined };
          },
        }),
      };
      const process: VendorProcess = {
        ref: id,
        get pid() {
          return pid;
        },
        output,
        exit: exit.promise,
        stdin: {
          async write(bytes) {
            for (let from = 0; from < bytes.length; from += MAX_BODY)
              await link.request('stdin', { p: id }, bytes.subarray(from, from + MAX_BODY));
          },
          close: async () => void (await link.request('closeStdin', { p: id })),
        },
        signal: async (name) => void (await link.request('signal', { p: id, name })),
        resize: async ({ cols, rows }) =>
          void (await link.request('resize', { p: id, cols, rows })),
        async release() {
          receivers.delete(id);
          await link.request('release', { p: id }).catch((error: unknown) => {
            // A sandbox that has ended holds nothing any more.
            if (!(error instanceof AppError) || error.code !== 'UNAVAILABLE') throw error;
          });
        },
      };
      return {
        process,
        setPid: (value) => {
          pid = value;
        },
        drop() {
          losers.delete(lose);
          if (receivers.get(id) === receive) receivers.delete(id);
        },
      };
    },
    loseAll(reason) {
      for (const lose of losers) lose(reason);
    },
  };
};
