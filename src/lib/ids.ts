import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** `sbx_` and the like plus 20 characters of Crockford base32 (100 random bits): safe in URLs, file names and host names. */
export const newId = (prefix: 'sbx' | 'prc' | 'trm' | 'req'): string => {
  let text = '';
  for (const byte of randomBytes(20)) text += ALPHABET[byte & 31];
  return `${prefix}_${text}`;
};
