import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { type AccessTable, builtInAccess } from '../authorization/access-file.ts';
import { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';
import { type Algorithm, asymmetric, symmetric } from './algorithms.ts';
import { type ClaimPaths, createReader, standardClaims } from './claims.ts';
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
  /** `UNAUTHENTICATED` for a token that is not ours, `TOKEN_EXPIRED` for one that was. It may have been revoked: that others know. */
  verify(token: string): Promise<Identity>;
  issue(claims: TokenClaims): { token: string; tokenId: string; expiresAt: number };
};

export type TokenOptions = {
  /** Signs what `issue` makes, and checks HS tokens. */
  secret: string;
  /** Check RS, PS and ES tokens. */
  publicKeys?: readonly PublicKeys[];
  /** Others are refused, whatever a token says. Default: HS256. */
  algorithms?: readonly Algorithm[];
  issuer?: string | undefined;
  audience?: string | undefined;
  /** How far clocks may differ. Default 5. */
  clockToleranceSeconds?: number;
  claims?: ClaimPaths;
  access?: AccessTable;
  /** Of tokens that name none. Default: unlimited. */
  defaultPlan?: string;
};

const MAX_TOKEN = 8 * 1024;
/** Tokens remembered: checking a signature and claims costs more than all else of a small request. */
const MAX_KNOWN = 1_000;
/** Marks tokens of `issue`: signed with the secret, and laid out in the standard way whatever others look like. */
const OWN = 'sandbank';

const refused = (why: string): AppError =>
  new AppError('UNAUTHENTICATED', `The token was refused: ${why}. Get a new one.`);

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
  const known = new Map<string, Identity>();
  const readForeign = createReader(access, paths, defaultPlan);
  const readOwn = createReader(access, standardClaims, defaultPlan);

  /** The algorithm chooses the kind of key, never the token alone: a public key can then not pass as an HS secret. */
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
    if (header.alg === '') throw refused('it cannot be read');
    if (keys.length === 0)
      throw refused(
        `its signature (${header.alg.slice(0, 20)}) is of a kind or by a key that is not known here`,
      );
    let failure: unknown;
    for (const one of keys) {
      try {
        return verifyWith(token, one, own ? 'HS256' : header.alg, own);
      } catch (error) {
        failure = error;
        // What another key might say differently is the signature alone.
        if (error instanceof jwt.TokenExpiredError) break;
      }
    }
    if (failure instanceof jwt.TokenExpiredError)
      throw new AppError(
        'TOKEN_EXPIRED',
        `The token expired at ${failure.expiredAt.toISOString()}. Get a new one.`,
      );
    throw refused(failure instanceof jwt.JsonWebTokenError ? failure.message : 'it cannot be read');
  };

  return {
    async verify(token) {
      const seen = known.get(token);
      // Near its end, and after it, the full check has the last word.
      if (seen && seen.expiresAt > Date.now()) return seen;
      if (token.length > MAX_TOKEN)
        throw new AppError('UNAUTHENTICATED', `The token is larger than ${MAX_TOKEN} bytes.`);
      const header = headerOf(token);
      const own = header.kid === OWN;
      const payload = await payloadOf(token, header, own);
      const identity = (own ? readOwn : readForeign)(payload);
      // It would outlive a revocation of all that was issued until now.
      if (identity.issuedAt > Date.now() + clockToleranceSeconds * 1_000)
        throw refused('it was issued in the future');
      setBounded(known, token, identity, MAX_KNOWN);
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
