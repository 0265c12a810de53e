import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { JwksClient } from 'jwks-rsa';
import { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';

/** Public keys that may verify the signature of a token, the likeliest first. */
export type PublicKeys = { find(kid: string | undefined): Promise<readonly KeyObject[]> };

const MAX_KID = 200;
const MAX_KEYS = 50;
const JWKS_CACHE_MS = 10 * 60_000;
const JWKS_PER_MINUTE = 10;
const JWKS_TIMEOUT_MS = 5_000;
const PEM = /-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g;

/** All keys or certificates of a PEM file; a token's `kid` says nothing about them. `INVALID_ARGUMENT` when there is none, or a private one. */
export const keysOfFile = async (file: string): Promise<PublicKeys> => {
  try {
    const blocks = (await readFile(file, 'utf8')).match(PEM) ?? [];
    if (blocks.some((block) => block.includes('PRIVATE')))
      throw new Error('it contains a private key, but must contain only public keys');
    if (blocks.length === 0) throw new Error('it contains no PEM block');
    const keys = blocks.map((block) => createPublicKey(block));
    return { find: async () => keys };
  } catch (error) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `The public key file ${file} cannot be used: ${(error as Error).message}.`,
    );
  }
};

/**
 * Keys of a JSON Web Key Set (RFC 7517), kept for 10 minutes. An unknown `kid` asks the URL again, at most ten times a minute: a key that
 * was rotated in is found at once, and made-up kids cost its owner nothing.
 */
export const keysOfUrl = (jwksUri: string): PublicKeys => {
  const client = new JwksClient({
    jwksUri,
    cache: true,
    cacheMaxAge: JWKS_CACHE_MS,
    rateLimit: true,
    jwksRequestsPerMinute: JWKS_PER_MINUTE,
    timeout: JWKS_TIMEOUT_MS,
  });
  // Made-up kids can exhaust the requests of a minute: keys that were valid stay so for that long.
  const known = new Map<string, KeyObject>();
  return {
    async find(kid) {
      if (kid === undefined || kid.length > MAX_KID) return [];
      try {
        const key = createPublicKey((await client.getSigningKey(kid)).getPublicKey());
        setBounded(known, kid, key, MAX_KEYS);
        return [key];
      } catch (error) {
        const { name } = error as Error;
        if (name === 'SigningKeyNotFoundError') return [];
        if (name === 'JwksRateLimitError') {
          const key = known.get(kid);
          return key ? [key] : [];
        }
        throw new AppError(
          'UNAVAILABLE',
          'The keys that verify tokens cannot be fetched at the moment. Try again soon.',
          { cause: error },
        );
      }
    },
  };
};
