import { randomBytes } from 'node:crypto';

/** Shorter ones are not worth the trouble. */
const LONG = 1_024;
const MARK = `base64:${randomBytes(12).toString('hex')}:`;
const PLACE = new RegExp(`"${MARK}(\\d+)"`);

/** JSON as text, or as the UTF-8 of it. */
export type Json = string | Buffer;

let collected: string[] | null = null;

/**
 * Base64 as a leaf of a result. JSON.stringify looks for characters to escape in every string, which in base64 are none and takes ten
 * times as long as making it: `encodeJson` leaves long ones out and puts them in afterwards. For JSON.stringify it is a string.
 */
export const base64Leaf = (bytes: Uint8Array): string | { toJSON(): string } => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  if (text.length < LONG) return text;
  return {
    toJSON() {
      if (!collected) return text;
      collected.push(text);
      return `${MARK}${collected.length - 1}`;
    },
  };
};

/** JSON.stringify as UTF-8: a buffer when there is much base64 in it, which then is never searched or copied as text. */
export const encodeJson = (value: unknown): Json => {
  const found: string[] = [];
  collected = found;
  try {
    const text = JSON.stringify(value);
    if (found.length === 0) return text;
    // One allocation: large ones cost more than what is written into them.
    const parts = text.split(PLACE).map((part, index) => (index % 2 ? found[Number(part)] : part));
    const json = Buffer.allocUnsafe(
      parts.reduce(
        (size, part = '', index) => size + (index % 2 ? part.length + 2 : Buffer.byteLength(part)),
        0,
      ),
    );
    let end = 0;
    parts.forEach((part = '', index) => {
      end += index % 2 ? json.write(`"${part}"`, end, 'latin1') : json.write(part, end);
    });
    return json;
  } finally {
    collected = null;
  }
};
