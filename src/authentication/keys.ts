import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { JwksClient } from 'jwks-rsa';
import { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';

/** Public keys that a token's signature may be checked with, the likeliest first. */
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
      throw new Error('it holds a private key; only the public one belongs here');
    if (blocks.length === 0) throw new Error('there is no PEM block in it');
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
  // Made-up kids can use up the requests of a minute: keys that were good stay so for that long.
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
          'The keys that tokens are checked with cannot be fetched right now.',
          { cause: error },
        );
      }
    },
  };
};
