import type { Listener } from './pump.ts';

type Kept = { parts: Uint8Array[]; size: number; truncated: boolean };

/** Keeps the first `limit` bytes of each stream, and remembers whether there was more, or whether some of it is missing. */
export const collectOutput = (limit: number) => {
  const kept: Record<'stdout' | 'stderr', Kept> = {
    stdout: { parts: [], size: 0, truncated: false },
    stderr: { parts: [], size: 0, truncated: false },
  };
  const output: Listener['output'] = (stream, bytes) => {
    const one = kept[stream === 'stderr' ? 'stderr' : 'stdout'];
    const room = limit - one.size;
    if (bytes.length > room) one.truncated = true;
    if (room <= 0) return;
    const part = bytes.subarray(0, room);
    one.parts.push(part);
    one.size += part.length;
  };
  return {
    output,
    /** Of which stream is not known. */
    lost(): void {
      kept.stdout.truncated = true;
      kept.stderr.truncated = true;
    },
    take: () => ({
      stdout: Buffer.concat(kept.stdout.parts),
      stderr: Buffer.concat(kept.stderr.parts),
      stdoutTruncated: kept.stdout.truncated,
      stderrTruncated: kept.stderr.truncated,
    }),
  };
};
