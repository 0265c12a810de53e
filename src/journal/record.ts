import { crc32 } from 'node:zlib';
import { AppError } from '../errors.ts';
import type { JournalRecord, JsonValue, NewRecord } from './journal.ts';

/**
 * One record on disk is a frame: u32 length of the payload, u32 CRC-32 of the payload, u32 CRC-32 of those eight bytes, payload. The
 * payload: f64 seq, f64 at, u8 length of kind, kind, u32 length of meta, meta as JSON, bytes. All big-endian. The head has its own check
 * so that a tear (the file ends early) is told from damage (a length that lies), and so that reading goes on right behind a damaged payload.
 *
 * Both CRCs begin with a random seed of the topic: what a tenant prints must not be taken for a frame when a reader searches for the next one.
 */
const HEAD = 12;
const FIXED = 8 + 8 + 1 + 4;
export const MIN_FRAME = HEAD + FIXED;
const MAX_BYTES = 1024 * 1024;
const MAX_META = 64 * 1024;
const MAX_FRAME = MIN_FRAME + 255 + MAX_META + MAX_BYTES;

/** A record with the bytes that it takes in a journal, which is what every bound counts: a record may have much meta and no bytes. */
export type Kept = { record: JournalRecord; size: number };

type Measured = { json: string; metaBytes: number; size: number };

/** `TOO_LARGE` for what no journal takes. */
export const measureRecord = ({ kind, meta, bytes }: NewRecord): Measured => {
  const json = JSON.stringify(meta);
  const metaBytes = Buffer.byteLength(json);
  if (kind.length > 255 || metaBytes > MAX_META || bytes.length > MAX_BYTES) {
    throw new AppError(
      'TOO_LARGE',
      `A record of a stream holds at most 255 bytes of kind, 64 KiB of meta and 1 MiB of bytes; this one has ${kind.length}, ${metaBytes} and ${bytes.length}. Split it.`,
    );
  }
  return { json, metaBytes, size: MIN_FRAME + kind.length + metaBytes + bytes.length };
};

/** Copying this many bytes costs more than a part of their own in the write. */
const LARGE = 8 * 1024;

/** The frames of some records, as parts to be written one after the other. Large bytes are taken as they are, small ones copied. */
export const encodeRecords = (
  records: readonly NewRecord[],
  firstSeq: number,
  seed: number,
): { parts: Uint8Array[]; size: number; kept: Kept[] } => {
  const measured = records.map(measureRecord);
  const isLarge = ({ bytes }: NewRecord): boolean => bytes.length >= LARGE;
  const own = records.reduce((sum, record) => sum - (isLarge(record) ? record.bytes.length : 0), 0);
  const size = measured.reduce((sum, one) => sum + one.size, 0);
  const frames = Buffer.allocUnsafe(size + own);
  const parts: Uint8Array[] = [];
  let start = 0;
  let written = 0;
  const kept = records.map((record, index): Kept => {
    const { json, metaBytes, size: frameSize } = measured[index] ?? measureRecord(record);
    const seq = firstSeq + index;
    let place = frames.writeDoubleBE(seq, start + HEAD);
    place = frames.writeDoubleBE(record.at, place);
    place = frames.writeUInt8(record.kind.length, place);
    place += frames.write(record.kind, place, 'latin1');
    place = frames.writeUInt32BE(metaBytes, place);
    place += frames.write(json, place);
    const crc = crc32(frames.subarray(start + HEAD, place), seed);
    frames.writeUInt32BE(frameSize - HEAD, start);
    frames.writeUInt32BE(crc32(record.bytes, crc), start + 4);
    frames.writeUInt32BE(crc32(frames.subarray(start, start + 8), seed), start + 8);
    let { bytes } = record;
    if (isLarge(record)) {
      parts.push(frames.subarray(written, place), bytes);
      written = place;
    } else {
      frames.set(bytes, place);
      bytes = frames.subarray(place, place + bytes.length);
      place += bytes.length;
    }
    start = place;
    const { at, kind, meta } = record;
    return { record: { seq, at, kind, meta, bytes }, size: frameSize };
  });
  if (written < start) parts.push(frames.subarray(written, start));
  return { parts, size, kept };
};

/** `short`: the buffer ends inside the frame. `damaged`: the head is right and the payload is not. `lost`: no head stands here. */
export type Frame =
  | ({ state: 'whole' } & Kept)
  | { state: 'damaged' | 'short'; size: number }
  | { state: 'lost' };

const LOST: Frame = { state: 'lost' };

export const decodeFrame = (buffer: Buffer, offset: number, seed: number): Frame => {
  if (buffer.length - offset < HEAD) return { state: 'short', size: HEAD };
  if (crc32(buffer.subarray(offset, offset + 8), seed) !== buffer.readUInt32BE(offset + 8))
    return LOST;
  const size = HEAD + buffer.readUInt32BE(offset);
  if (size < MIN_FRAME || size > MAX_FRAME) return LOST;
  if (offset + size > buffer.length) return { state: 'short', size };
  const payload = buffer.subarray(offset + HEAD, offset + size);
  if (crc32(payload, seed) !== buffer.readUInt32BE(offset + 4)) return { state: 'damaged', size };
  const metaAt = 17 + payload.readUInt8(16) + 4;
  const bytesAt = metaAt + payload.readUInt32BE(metaAt - 4);
  const record: JournalRecord = {
    seq: payload.readDoubleBE(0),
    at: payload.readDoubleBE(8),
    kind: payload.toString('latin1', 17, metaAt - 4),
    meta: JSON.parse(payload.toString('utf8', metaAt, bytesAt)) as JsonValue,
    bytes: payload.subarray(bytesAt),
  };
  return { state: 'whole', record, size };
};

/** Where the next frame begins after damage, or -1. A head that is right by chance (one in 2^32) is unmasked by its payload. */
export const findFrame = (buffer: Buffer, from: number, seed: number): number => {
  for (let offset = from; offset + HEAD <= buffer.length; offset += 1)
    if (decodeFrame(buffer, offset, seed).state !== 'lost') return offset;
  return -1;
};
