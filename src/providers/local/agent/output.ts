import { FRAME_COST } from './protocol.ts';

/** Output of one process from the moment it is read until the server acknowledges it. */
const HIGH_WATER = 8 * 1024 * 1024;
const LOW_WATER = 4 * 1024 * 1024;
const FRAME = 64 * 1024;

export type Exit = {
  kind: string;
  exitCode: number | null;
  signal: string | null;
  cpuSeconds: number;
  maxMemoryBytes: number | null;
};
type Frame = { n: number; s: string; body: Buffer; exit?: Exit };
export type Output = {
  push(stream: string, bytes: Buffer): void;
  end(exit: Exit): void;
  attach(after: number): void;
  detach(): void;
  acknowledge(n: number): void;
};

/** `send` delivers one frame to the server, `flow` holds the process back while too much is unacknowledged. */
export const openOutput = (
  send: (head: { n: number; s: string; exit?: Exit }, body: Buffer) => boolean,
  flow: (paused: boolean) => void,
): Output => {
  let frames: Frame[] = [];
  let next = 1;
  let held = 0;
  let attached = false;
  let paused = false;
  let gathering: { stream: string; parts: Buffer[]; size: number } | null = null;

  const emit = (frame: Frame): void => {
    frames.push(frame);
    held += frame.body.length + FRAME_COST;
    if (attached) deliver(frame);
    if (!paused && held > HIGH_WATER) {
      paused = true;
      flow(true);
    }
  };
  const deliver = ({ n, s, body, exit }: Frame): void =>
    void send({ n, s, ...(exit ? { exit } : {}) }, body);

  /** What arrived within one turn of the event loop travels together. */
  const flush = (): void => {
    if (!gathering) return;
    const { stream, parts } = gathering;
    gathering = null;
    const all = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    for (let from = 0; from < all.length; from += FRAME) {
      emit({ n: next++, s: stream, body: all.subarray(from, from + FRAME) });
    }
  };

  return {
    push(stream, bytes) {
      if (gathering && gathering.stream !== stream) flush();
      if (!gathering) {
        gathering = { stream, parts: [], size: 0 };
        setImmediate(flush);
      }
      gathering.parts.push(bytes);
      gathering.size += bytes.length;
      if (gathering.size >= FRAME) flush();
    },
    end(exit) {
      flush();
      emit({ n: next++, s: 'exit', body: Buffer.alloc(0), exit });
    },
    attach(after) {
      this.acknowledge(after);
      attached = true;
      frames.forEach(deliver);
    },
    detach() {
      attached = false;
    },
    acknowledge(n) {
      let count = 0;
      for (const frame of frames) {
        if (frame.n > n || frame.exit) break;
        held -= frame.body.length + FRAME_COST;
        count += 1;
      }
      if (count) frames = frames.slice(count);
      if (paused && held < LOW_WATER) {
        paused = false;
        flow(false);
      }
    },
  };
};
