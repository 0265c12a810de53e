import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { type AccessTable, builtInAccess } from '../authorization/access-file.ts';
import { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';
import { type Algorithm, asymmetric, symmetric } from './algorithms.ts';
import { type ClaimPaths, createClaimReader, standardClaims } from './claims.ts';
import type { PublicKeys } from './keys.ts';
import type { Identity } from './principal.ts';

export type TokenClaims = {
  subject: string;
  tenant: string;
  role: string;
  ttlSeconds: number;
  plan?: string | undefined;
  scope?: readonly string[] | undefined;
};

export type Tokens = {
  /** `UNAUTHENTICATED` for a token that is not valid here, `TOKEN_EXPIRED` for one that was. Revocations are checked elsewhere. */
  verify(token: string): Promise<Identity>;
  issue(claims: TokenClaims): { token: string; tokenId: string; expiresAt: number };
};

export type TokenOptions = {
  /** Signs the tokens of `issue`, and verifies HS tokens. */
  secret: string;
  /** Verify RS, PS and ES tokens. */
  publicKeys?: readonly PublicKeys[];
  /** All others are rejected, whatever a token says. Default: HS256. */
  algorithms?: readonly Algorithm[];
  issuer?: string | undefined;
  audience?: string | undefined;
  /** How much clocks may differ. Default: 5. */
  clockToleranceSeconds?: number;
  claims?: ClaimPaths;
  access?: AccessTable;
  /** The plan of tokens that name none. Default: unlimited. */
  defaultPlan?: string;
};

const MAX_TOKEN = 8 * 1024;
/** Verified tokens are cached: verification costs more than everything else about a small request. */
const MAX_CACHED = 1_000;
/** Marks the tokens of `issue`: they are signed with the secret and have the standard claims, wherever other tokens have theirs. */
const OWN = 'sandbank';

const rejected = (reason: string): AppError =>
  new AppError('UNAUTHENTICATED', `The token was rejected: ${reason}. Get a new one.`);

type Header = { alg: string; kid: string | undefined };

const headerOf = (token: string): Header => {
  const { alg, kid } = (jwt.decode(token, { complete: true })?.header ?? {}) as {
    alg?: unknown;
    kid?: unknown;
  };
  return {
    alg: typeof alg === 'string' ? alg : '',
    kid: typeof kid === 'string' ? kid : undefined,
  };
};

export const createTokens = ({
  secret,
  publicKeys = [],
  algorithms = ['HS256'],
  issuer,
  audience,
  clockToleranceSeconds = 5,
  claims: paths = standardClaims,
  access = builtInAccess,
  defaultPlan = 'unlimited',
}: TokenOptions): Tokens => {
  // Given a string, jsonwebtoken tries to read it as a public key first, at every token.
  const key = createSecretKey(Buffer.from(secret));
  const cached = new Map<string, Identity>();
  const readExternal = createClaimReader(access, paths, defaultPlan);
  const readOwn = createClaimReader(access, standardClaims, defaultPlan);

  /** The configured algorithms choose the kind of key, never the token alone: a public key can then not pass as an HS secret. */
  const keysFor = async ({ alg, kid }: Header): Promise<readonly KeyObject[]> => {
    const isListed = (list: readonly string[]): boolean =>
      list.includes(alg) && algorithms.some((one) => one === alg);
    if (isListed(symmetric)) return [key];
    if (!isListed(asymmetric)) return [];
    return (await Promise.all(publicKeys.map((source) => source.find(kid)))).flat();
  };

  const verifyWith = (token: string, one: KeyObject, alg: string, own: boolean): unknown =>
    jwt.verify(token, one, {
      algorithms: [alg as Algorithm],
      clockTolerance: clockToleranceSeconds,
      ...(own ? { issuer: OWN } : issuer === undefined ? {} : { issuer }),
      ...(own || audience === undefined ? {} : { audience }),
    });

  const payloadOf = async (token: string, header: Header, own: boolean): Promise<unknown> => {
    const keys = own ? [key] : await keysFor(header);
    if (header.alg === '') throw rejected('it cannot be read');
    if (keys.length === 0)
      throw rejected(
        `its signature (${header.alg.slice(0, 20)}) uses an algorithm or a key that is not accepted here`,
      );
    let failure: unknown;
    for (const one of keys) {
      try {
        return verifyWith(token, one, own ? 'HS256' : header.alg, own);
      } catch (error) {
        failure = error;
        // Another key could only judge the signature differently.
        if (error instanceof jwt.TokenExpiredError) break;
      }
    }
    if (failure instanceof jwt.TokenExpiredError)
      throw new AppError(
        'TOKEN_EXPIRED',
        `The token expired at ${failure.expiredAt.toISOString()}. Get a new one.`,
      );
    throw rejected(
      failure instanceof jwt.JsonWebTokenError ? failure.message : 'it cannot be read',
    );
  };

  return {
    async verify(token) {
      const known = cached.get(token);
      // Near its expiration, and after it, the full verification decides.
      if (known && known.expiresAt > Date.now()) return known;
      if (token.length > MAX_TOKEN)
        throw new AppError(
          'UNAUTHENTICATED',
          `The token has ${token.length} bytes, but the maximum is ${MAX_TOKEN}.`,
        );
      const header = headerOf(token);
      const own = header.kid === OWN;
      const payload = await payloadOf(token, header, own);
      const identity = (own ? readOwn : readExternal)(payload);
      // It would outlive a revocation of all that was issued until now.
      if (identity.issuedAt > Date.now() + clockToleranceSeconds * 1_000)
        throw rejected('it was issued in the future');
      setBounded(cached, token, identity, MAX_CACHED);
      return identity;
    },
    issue({ subject, tenant, role, ttlSeconds, plan, scope }) {
      const tokenId = randomUUID();
      // With its milliseconds: one issued right after a revocation must not count as issued before it.
      const iat = Date.now() / 1_000;
      const exp = Math.floor(iat) + ttlSeconds;
      const facts = { tenant, role, plan, scope: scope?.join(' '), iat, exp };
      const token = jwt.sign(JSON.parse(JSON.stringify(facts)) as object, key, {
        algorithm: 'HS256',
        keyid: OWN,
        issuer: OWN,
        subject,
        jwtid: tokenId,
      });
      return { token, tokenId, expiresAt: exp * 1_000 };
    },
  };
};
