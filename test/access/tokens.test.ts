import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { createTokens } from '../../src/access/tokens.ts';

const secret = 'a secret for tests, 32 bytes or more';
const tokens = createTokens({ secret });
const claims = { tenant: 'acme', role: 'admin', sub: 'ann' };
const sign = (payload: object, options: jwt.SignOptions = {}, key = secret): string =>
  jwt.sign(payload, key, { expiresIn: 60, ...options });
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('tokens', () => {
  it('tell who they were issued to', () => {
    const { token, expiresAt } = tokens.issue({
      subject: 'ann',
      tenant: 'acme',
      role: 'viewer',
      ttlSeconds: 60,
    });
    expect(tokens.verify(token)).toMatchObject({ subject: 'ann', tenant: 'acme', role: 'viewer' });
    expect(Math.abs(tokens.verify(token).expiresAt - expiresAt)).toBeLessThanOrEqual(1_000);
  });

  it.each([
    [
      'no algorithm',
      `${part({ alg: 'none', typ: 'JWT' })}.${part({ ...claims, exp: 9_999_999_999 })}.`,
    ],
    ['another algorithm', sign(claims, { algorithm: 'HS512' })],
    ['another secret', sign(claims, {}, 'another secret, also long enough for it')],
    ['no tenant', sign({ sub: 'ann', role: 'admin' })],
    ['no expiry', jwt.sign(claims, secret)],
    ['a role that is not', sign({ ...claims, role: 'root' })],
    ['a tenant with control characters', sign({ ...claims, tenant: 'a\nb' })],
    ['a tenant that is no text', sign({ ...claims, tenant: { $ne: 1 } })],
    ['too many bytes', 'x'.repeat(9_000)],
    ['nothing', ''],
  ])('are refused with %s', (_, token) => {
    expect(() => tokens.verify(token)).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });

  it('are refused after their time, by a code of its own', () => {
    expect(() => tokens.verify(sign(claims, { expiresIn: -60 }))).toThrow(
      expect.objectContaining({ code: 'TOKEN_EXPIRED' }),
    );
  });

  it('are refused for another audience or issuer', () => {
    const strict = createTokens({ secret, audience: 'us', issuer: 'idp' });
    expect(() => strict.verify(sign(claims, { audience: 'them', issuer: 'idp' }))).toThrow(
      /audience/,
    );
    expect(strict.verify(sign(claims, { audience: 'us', issuer: 'idp' })).subject).toBe('ann');
  });
});
