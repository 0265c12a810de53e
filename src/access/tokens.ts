import { createSecretKey, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';
import { type Principal, type Role, roles } from './principal.ts';

export type Tokens = {
  /** `UNAUTHENTICATED` for a token that is not ours, `TOKEN_EXPIRED` for one that was. */
  verify(token: string): Principal;
  issue(claims: { subject: string; tenant: string; role: Role; ttlSeconds: number }): {
    token: string;
    expiresAt: number;
  };
};

export type TokenOptions = {
  secret: string;
  issuer?: string | undefined;
  audience?: string | undefined;
};

const MAX_TOKEN = 8 * 1024;
const CLOCK_TOLERANCE_SECONDS = 5;
/** Tokens remembered: checking a signature and claims costs more than all else of a small request. */
const MAX_KNOWN = 1_000;

const name = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u);
const Claims = z.object({
  sub: name,
  tenant: name,
  role: z.enum(roles),
  exp: z.number().int().positive(),
  jti: name.optional(),
});

export const createTokens = ({ secret, issuer, audience }: TokenOptions): Tokens => {
  // Given a string, jsonwebtoken tries to read it as a public key first, at every token.
  const key = createSecretKey(Buffer.from(secret));
  const known = new Map<string, Principal>();

  const check = (token: string): Principal => {
    let payload: unknown;
    try {
      payload = jwt.verify(token, key, {
        algorithms: ['HS256'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
    } catch (error) {
      if (error instanceof jwt.TokenExpiredError)
        throw new AppError(
          'TOKEN_EXPIRED',
          `The token expired at ${error.expiredAt.toISOString()}. Get a new one.`,
        );
      throw new AppError(
        'UNAUTHENTICATED',
        `The token was refused: ${error instanceof jwt.JsonWebTokenError ? error.message : 'it cannot be read'}. Get a new one from this server.`,
      );
    }
    const claims = Claims.safeParse(payload);
    if (!claims.success) {
      const missing = claims.error.issues.map((issue) => issue.path.join('.')).join(', ');
      throw new AppError(
        'UNAUTHENTICATED',
        `The token lacks a valid ${missing}. It needs sub, tenant, role (${roles.join(', ')}) and exp.`,
      );
    }
    const { sub, tenant, role, exp, jti = null } = claims.data;
    return { subject: sub, tenant, role, expiresAt: exp * 1_000, tokenId: jti };
  };

  return {
    verify(token) {
      if (token.length > MAX_TOKEN)
        throw new AppError('UNAUTHENTICATED', `The token is larger than ${MAX_TOKEN} bytes.`);
      const seen = known.get(token);
      // Near its end, and after it, the full check has the last word.
      if (seen && seen.expiresAt > Date.now()) return seen;
      const principal = check(token);
      setBounded(known, token, principal, MAX_KNOWN);
      return principal;
    },
    issue({ subject, tenant, role, ttlSeconds }) {
      const token = jwt.sign({ tenant, role }, key, {
        algorithm: 'HS256',
        subject,
        expiresIn: ttlSeconds,
        jwtid: randomUUID(),
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      return { token, expiresAt: Math.floor(Date.now() / 1_000 + ttlSeconds) * 1_000 };
    },
  };
};
