import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 20;

/** Random bytes are fetched for many ids at once: one call costs as much as a thousand bytes. */
const pool = Buffer.alloc(LENGTH * 128);
let used = pool.length;

/** `sbx_` and the like plus 20 characters of Crockford base32 (100 random bits): safe in URLs, file names and host names. */
export const newId = (
  prefix: 'sbx' | 'prc' | 'trm' | 'cmd' | 'req' | 'aud' | 'rev' | 'srv' | 'dep',
): string => {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let text = `${prefix}_`;
  for (const end = used + LENGTH; used < end; used += 1) text += ALPHABET[(pool[used] ?? 0) & 31];
  return text;
};
