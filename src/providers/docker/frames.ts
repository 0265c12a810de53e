import type { OutputStream } from '../types/process.ts';

const HEADER_BYTES = 8;
const STREAMS: Readonly<Record<number, OutputStream>> = { 1: 'stdout', 2: 'stderr' };

export type Piece = { stream: OutputStream; bytes: Buffer };

/**
 * Splits what the engine sends of a command: frames of one byte for the stream, three that are zero, four for the length, and the bytes. A piece
 * is given on as it comes, so that no length, however large, is waited for or kept. Throws for what is no frame.
 */
export const createFrames = (tty: boolean): ((chunk: Buffer) => Piece[]) => {
  if (tty) return (bytes) => [{ stream: 'pty', bytes }];
  let header = Buffer.alloc(0);
  let stream: OutputStream = 'stdout';
  let left = 0;
  return (chunk) => {
    const pieces: Piece[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (left > 0) {
        const bytes = chunk.subarray(at, at + left);
        pieces.push({ stream, bytes });
        at += bytes.length;
        left -= bytes.length;
        continue;
      }
      const part = chunk.subarray(at, at + HEADER_BYTES - header.length);
      header = Buffer.concat([header, part]);
      at += part.length;
      if (header.length < HEADER_BYTES) break;
      const known = STREAMS[header[0] ?? 0];
      if (!known) throw new Error('The container engine sent a frame of an unknown stream.');
      stream = known;
      left = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
    return pieces;
  };
};
