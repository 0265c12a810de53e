import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors.ts';

const MAC_BYTES = 12;
const SEQ_BYTES = 6;
const ORIGIN_BYTES = 4;
const originBytes = (origin: string): Buffer =>
  createHash('sha256').update(origin).digest().subarray(0, ORIGIN_BYTES);

export type Cursors = {
  /** `origin`: the journal that the place is in, for a topic that more than one server may have recorded, each with numbers of its own. */
  encode(tenant: string, topic: string, seq: number, origin?: string): string;
  /**
   * The seq. `BAD_CURSOR` for anything not made by `encode` with the same tenant and topic, `CURSOR_EXPIRED` for a place in the journal of
   * another origin.
   */
  decode(tenant: string, topic: string, cursor: string, origin?: string): number;
};

/** Six bytes of number, then four of the origin if there is one. */
const bodyOf = (seq: number, origin: string | undefined): Buffer => {
  const number = Buffer.alloc(SEQ_BYTES);
  number.writeUIntBE(seq, 0, SEQ_BYTES);
  return origin === undefined ? number : Buffer.concat([number, originBytes(origin)]);
};

/** Opaque places in a stream, bound by HMAC-SHA-256 (cut to 96 bits) to tenant and topic. */
export const createCursors = (secret: string): Cursors => {
  const key = createSecretKey(Buffer.from(secret));
  const mac = (tenant: string, topic: string, seq: Buffer): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([tenant, topic]))
      .update(seq)
      .digest()
      .subarray(0, MAC_BYTES);

  return {
    encode(tenant, topic, seq, origin) {
      const body = bodyOf(seq, origin);
      return Buffer.concat([body, mac(tenant, topic, body)]).toString('base64url');
    },
    decode(tenant, topic, cursor, origin) {
      const raw = Buffer.from(cursor, 'base64url');
      const size = SEQ_BYTES + (origin === undefined ? 0 : ORIGIN_BYTES);
      const body = raw.subarray(0, size);
      const valid =
        raw.length === size + MAC_BYTES &&
        raw.toString('base64url') === cursor &&
        timingSafeEqual(raw.subarray(size), mac(tenant, topic, body));
      if (!valid) {
        throw new AppError(
          'BAD_CURSOR',
          'The cursor is not one of this stream. Use the `cursor` of an event of the same stream, or leave `after` out to read from the start.',
        );
      }
      if (origin !== undefined && !body.subarray(SEQ_BYTES).equals(originBytes(origin)))
        throw new AppError(
          'CURSOR_EXPIRED',
          'Another server has recorded the stream since. Read from the start, and expect a gap.',
        );
      return body.readUIntBE(0, SEQ_BYTES);
    },
  };
};
