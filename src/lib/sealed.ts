import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const MARK = 'sealed:';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Text that lies on disk and must not be read there: AES-256-GCM, `sealed:` and base64url of nonce, tag and ciphertext. */
export type Sealer = {
  seal(text: string): string;
  /** Text without the mark is given back as it is. Throws for what was sealed with another secret. */
  unseal(text: string): string;
};

export const createSealer = (secret: string): Sealer => {
  const key = createHash('sha256').update(secret).digest();
  return {
    seal(text) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, iv);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return MARK + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
    },
    unseal(text) {
      if (!text.startsWith(MARK)) return text;
      const bytes = Buffer.from(text.slice(MARK.length), 'base64url');
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const body = bytes.subarray(IV_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    },
  };
};
