import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { openRegular, pathOf } from './file-paths.ts';
import type { Head } from './protocol.ts';
import type { Streams } from './streams.ts';

const CHUNK = 256 * 1024;

export const hashOf = async (path: string): Promise<string> => {
  const handle = await openRegular(path);
  const hash = createHash('sha256');
  await pipeline(handle.createReadStream(), hash);
  return hash.digest('hex');
};

/** Sends a part of a file on a stream of its own; the answer comes as soon as the stream is open. */
export const read = async (streams: Streams, head: Head): Promise<{ size: number }> => {
  const handle = await openRegular(pathOf(head));
  const start = Number(head.offset ?? 0);
  const length = head.length === undefined ? Number.POSITIVE_INFINITY : Number(head.length);
  try {
    const { size } = await handle.stat();
    const end = Math.min(start + length, size);
    const socket = await streams.open(String(head.stream));
    if (end <= start) {
      await handle.close();
      socket.end();
    } else {
      const content = handle.createReadStream({ start, end: end - 1, highWaterMark: CHUNK });
      void pipeline(content, socket).catch(() => socket.destroy());
    }
    return { size };
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
};
