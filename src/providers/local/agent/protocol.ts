import type { Socket } from 'node:net';

/**
 * Frames between server and supervisor: u32 length of the rest, u16 length of the JSON head, head, body.
 * This file runs on both sides; it imports nothing of the project.
 */
export const MAX_BODY = 256 * 1024;
/** Counted for each frame of output beside its bytes, so that one-byte frames are bounded too. */
export const FRAME_COST = 256;
const MAX_HEAD = 60_000;
const MAX_FRAME = 2 + MAX_HEAD + MAX_BODY;

export type Head = { t: string; [key: string]: unknown };

const EMPTY = Buffer.alloc(0);

export const encodeFrame = (head: Head, body: Uint8Array = EMPTY): Buffer => {
  const text = Buffer.from(JSON.stringify(head));
  if (text.length > MAX_HEAD || body.length > MAX_BODY) throw new RangeError('frame too large');
  const frame = Buffer.allocUnsafe(6 + text.length + body.length);
  frame.writeUInt32BE(2 + text.length + body.length, 0);
  frame.writeUInt16BE(text.length, 4);
  text.copy(frame, 6);
  frame.set(body, 6 + text.length);
  return frame;
};

/** Calls `onFrame` for each whole frame; throws on one that is malformed, because the other side may be hostile. */
export const createDecoder = (
  onFrame: (head: Head, body: Buffer) => void,
): ((chunk: Buffer) => void) => {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = 4;
  return (chunk) => {
    parts.push(chunk);
    size += chunk.length;
    if (size < wanted) return;
    let data = parts.length === 1 ? chunk : Buffer.concat(parts);
    wanted = 4;
    while (data.length >= 4) {
      const length = data.readUInt32BE(0);
      if (length < 2 || length > MAX_FRAME) throw new RangeError(`frame of ${length} bytes`);
      if (data.length < 4 + length) {
        wanted = 4 + length;
        break;
      }
      const headEnd = 6 + data.readUInt16BE(4);
      if (headEnd > 4 + length) throw new RangeError('frame head too long');
      const head: unknown = JSON.parse(data.toString('utf8', 6, headEnd));
      if (typeof head !== 'object' || head === null || typeof (head as Head).t !== 'string')
        throw new TypeError('frame without a type');
      onFrame(head as Head, data.subarray(headEnd, 4 + length));
      data = data.subarray(4 + length);
    }
    parts = data.length ? [data] : [];
    size = data.length;
  };
};

/** The first frame of a connection says what the connection is for; what follows it is left in the socket. */
export const readFirstFrame = (
  socket: Socket,
  onHead: (head: Head) => void,
  onFail: () => void,
): void => {
  let seen: Buffer = EMPTY;
  // Not by 'data' events: a stream that was paused stays so for its next reader, one that was read by hand does not.
  const onReadable = (): void => {
    seen = Buffer.concat([seen, (socket.read() as Buffer | null) ?? EMPTY]);
    if (seen.length < 4) return;
    const length = seen.readUInt32BE(0);
    if (length < 2 || length > MAX_FRAME) {
      onFail();
      return;
    }
    if (seen.length < 4 + length) return;
    socket.off('readable', onReadable);
    const rest = seen.subarray(4 + length);
    if (rest.length) socket.unshift(rest);
    try {
      createDecoder(onHead)(seen.subarray(0, 4 + length));
    } catch {
      onFail();
    }
  };
  socket.on('readable', onReadable);
};
