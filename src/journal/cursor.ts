import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors.ts';

const MAC_BYTES = 12;

export type Cursors = {
  encode(tenant: string, topic: string, seq: number): string;
  /** The seq. `BAD_CURSOR` for anything not made by `encode` with the same tenant and topic. */
  decode(tenant: string, topic: string, cursor: string): number;
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
    encode(tenant, topic, seq) {
      const body = Buffer.alloc(6);
      body.writeUIntBE(seq, 0, 6);
      return Buffer.concat([body, mac(tenant, topic, body)]).toString('base64url');
    },
    decode(tenant, topic, cursor) {
      const raw = Buffer.from(cursor, 'base64url');
      const body = raw.subarray(0, 6);
      const valid =
        raw.length === 6 + MAC_BYTES &&
        raw.toString('base64url') === cursor &&
        timingSafeEqual(raw.subarray(6), mac(tenant, topic, body));
      if (!valid) {
        throw new AppError(
          'BAD_CURSOR',
          'The cursor is not one of this stream. Use the `cursor` of an event of the same stream, or leave `after` out to read from the start.',
        );
      }
      return body.readUIntBE(0, 6);
    },
  };
};
