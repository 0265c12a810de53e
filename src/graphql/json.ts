import { randomBytes } from 'node:crypto';

/** Shorter ones are not worth the trouble. */
const LONG = 1_024;
const MARK = `base64:${randomBytes(12).toString('hex')}:`;
const PLACE = new RegExp(`"${MARK}(\\d+)"`);

let collected: string[] | null = null;

/**
 * Base64 as a leaf of a result. JSON.stringify looks for characters to escape in every string, which in base64 are none and takes ten
 * times as long as making it: `stringify` leaves long ones out and puts them in afterwards. For JSON.stringify it is a string.
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

/** JSON.stringify, faster for results with much base64 in them. */
export const stringify = (value: unknown): string => {
  const found: string[] = [];
  collected = found;
  try {
    const text = JSON.stringify(value);
    if (found.length === 0) return text;
    return text
      .split(PLACE)
      .map((part, index) => (index % 2 === 0 ? part : `"${found[Number(part)]}"`))
      .join('');
  } finally {
    collected = null;
  }
};
