import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Algorithm, asymmetric } from '../../src/authentication/algorithms.ts';
import { keysOfFile, keysOfUrl } from '../../src/authentication/keys.ts';
import { createTokens } from '../../src/authentication/tokens.ts';

const secret = 'a secret for tests, 32 bytes or more';
const tokens = createTokens({ secret });
const claims = { tenant: 'acme', role: 'admin', sub: 'ann' };
const sign = (
  payload: object,
  options: jwt.SignOptions = {},
  key: string | KeyObject = secret,
): string => jwt.sign(payload, key, { expiresIn: 60, ...options });
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const refused = { code: 'UNAUTHENTICATED' };

describe('tokens', () => {
  it('tell who they were issued to, and what they may do', async () => {
    const { token, expiresAt, tokenId } = tokens.issue({
      subject: 'ann',
      tenant: 'acme',
      role: 'viewer',
      scope: ['files:read'],
      ttlSeconds: 60,
    });
    const identity = await tokens.verify(token);
    expect(identity).toMatchObject({
      ...{ subject: 'ann', tenant: 'acme', role: 'viewer', plan: 'unlimited', tokenId },
      rights: { permissions: new Set(['files:read']), reach: 'tenant' },
    });
    expect(Math.abs(identity.expiresAt - expiresAt)).toBeLessThanOrEqual(1_000);
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
    ['a role of Object.prototype', sign({ ...claims, role: 'constructor' })],
    ['a plan that is not', sign({ ...claims, plan: '__proto__' })],
    ['a tenant with control characters', sign({ ...claims, tenant: 'a\nb' })],
    ['a tenant that is no text', sign({ ...claims, tenant: { $ne: 1 } })],
    ['a beginning in the future', sign(claims, { notBefore: 600 })],
    ['an issue in the future', sign({ ...claims, iat: Math.floor(Date.now() / 1_000) + 600 })],
    [
      'the mark of our own, but another secret',
      sign(claims, { keyid: 'sandbank' }, 'x'.repeat(40)),
    ],
    ['the mark of our own, but another issuer', sign(claims, { keyid: 'sandbank' })],
    ['too many bytes', 'x'.repeat(9_000)],
    ['a megabyte', `${part({ alg: 'HS256' })}.${'A'.repeat(1_048_576)}.x`],
    ['nothing', ''],
    ['a payload that is no object', jwt.sign('text', secret)],
  ])('are refused with %s', async (_, token) => {
    await expect(tokens.verify(token)).rejects.toMatchObject(refused);
  });

  it('are refused after their time, by a code of its own', async () => {
    await expect(tokens.verify(sign(claims, { expiresIn: -60 }))).rejects.toMatchObject({
      code: 'TOKEN_EXPIRED',
    });
  });

  it('may differ in time by the tolerance, and by no more', async () => {
    const patient = createTokens({ secret, clockToleranceSeconds: 120 });
    expect((await patient.verify(sign(claims, { expiresIn: -60 }))).subject).toBe('ann');
    await expect(patient.verify(sign(claims, { expiresIn: -130 }))).rejects.toMatchObject({
      code: 'TOKEN_EXPIRED',
    });
  });

  it('are refused for another audience or issuer', async () => {
    const strict = createTokens({ secret, audience: 'us', issuer: 'idp' });
    for (const wrong of [
      { audience: 'them', issuer: 'idp' },
      { audience: 'us', issuer: 'them' },
    ])
      await expect(strict.verify(sign(claims, wrong))).rejects.toMatchObject(refused);
    const right = sign(claims, { audience: ['x', 'us'], issuer: 'idp' });
    expect((await strict.verify(right)).subject).toBe('ann');
  });

  it('are read where the configuration says', async () => {
    const own = createTokens({
      secret,
      claims: {
        subject: 'user.id',
        tenant: 'https://example.com/tenant',
        role: 'realm_access.role',
        scope: 'scp',
        plan: 'tier',
      },
    });
    const token = sign({
      user: { id: 'bob' },
      'https://example.com/tenant': 'acme',
      realm_access: { role: 'developer' },
      scp: ['openid', 'files:read', 'files:write'],
      tier: 'pro',
    });
    expect(await own.verify(token)).toMatchObject({
      ...{ subject: 'bob', tenant: 'acme', role: 'developer', plan: 'pro' },
      rights: { permissions: new Set(['files:read', 'files:write']) },
    });
  });

  it('allow nothing by a scope that is mistyped, and everything of the role by OpenID’s words alone', async () => {
    const rightsOf = async (scope: string) =>
      (await tokens.verify(sign({ ...claims, scope }))).rights.permissions.size;
    expect(await rightsOf('file:read')).toBe(0);
    expect(await rightsOf('openid profile')).toBeGreaterThan(10);
  });
});

describe('public keys', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
  const pairOf = (algorithm: Algorithm) =>
    algorithm in curves
      ? generateKeyPairSync('ec', { namedCurve: curves[algorithm as keyof typeof curves] })
      : rsa;
  const pem = (key: KeyObject): string => String(key.export({ type: 'spki', format: 'pem' }));
  const fileWith = async (text: string): Promise<string> => {
    const file = join(await mkdtemp(join(tmpdir(), 'sandbank-keys-')), 'keys.pem');
    await writeFile(file, text);
    return file;
  };

  it.each(asymmetric)('check %s', async (algorithm) => {
    const { publicKey, privateKey } = pairOf(algorithm);
    const publicKeys = [await keysOfFile(await fileWith(pem(publicKey)))];
    const checked = createTokens({ secret, publicKeys, algorithms: [algorithm] });
    expect((await checked.verify(sign(claims, { algorithm }, privateKey))).subject).toBe('ann');
    const other = createTokens({ secret, publicKeys, algorithms: ['HS256'] });
    await expect(other.verify(sign(claims, { algorithm }, privateKey))).rejects.toMatchObject(
      refused,
    );
  });

  it('do not pass as a secret: a token signed by the public key’s text is refused', async () => {
    const file = await fileWith(pem(rsa.publicKey));
    const both = createTokens({
      secret,
      publicKeys: [await keysOfFile(file)],
      algorithms: ['HS256', 'RS256'],
    });
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, exp: 9_999_999_999 })}`;
    const mac = createHmac('sha256', pem(rsa.publicKey)).update(body).digest('base64url');
    await expect(both.verify(`${body}.${mac}`)).rejects.toMatchObject(refused);
  });

  it('are refused where the file holds a private one, or none', async () => {
    const secretPem = String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    for (const text of [secretPem, 'nothing'])
      await expect(keysOfFile(await fileWith(text))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
  });

  describe('of a JSON Web Key Set', () => {
    const keys: object[] = [];
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    });
    const publish = (kid: string): KeyObject => {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
      keys.push({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' });
      return privateKey;
    };
    const open = () => {
      const { port } = server.address() as AddressInfo;
      const publicKeys = [keysOfUrl(`http://127.0.0.1:${port}/jwks.json`)];
      return createTokens({ secret, publicKeys, algorithms: ['RS256'] });
    };
    beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
    afterAll(() => void server.close());

    it('are fetched once, and again when a key is rotated in', async () => {
      const subject = open();
      const first = publish('one');
      const signed = (key: KeyObject, keyid: string, sub = 'ann') =>
        sign({ ...claims, sub }, { algorithm: 'RS256', keyid }, key);
      for (const sub of ['ann', 'bob', 'eve'])
        expect((await subject.verify(signed(first, 'one', sub))).subject).toBe(sub);
      expect(asked).toBe(1);
      const second = publish('two');
      expect((await subject.verify(signed(second, 'two'))).subject).toBe('ann');
      expect(asked).toBe(2);
    });

    it.each([
      ['a path', '../../etc/passwd'],
      ['SQL', "' or 1=1 --"],
      ['another’s', 'one'],
      ['a name of Object.prototype', '__proto__'],
      ['a kilobyte', 'k'.repeat(1_000)],
    ])('are not found by %s as kid', async (_, keyid) => {
      const token = sign(claims, { algorithm: 'RS256', keyid }, rsa.privateKey);
      await expect(open().verify(token)).rejects.toMatchObject(refused);
    });

    it('are not asked for more than ten times a minute, whatever kids are made up; known ones go on', async () => {
      const subject = open();
      const key = publish('three');
      const good = (sub: string) =>
        sign({ ...claims, sub }, { algorithm: 'RS256', keyid: 'three' }, key);
      await subject.verify(good('ann'));
      const before = asked;
      for (let made = 0; made < 30; made += 1)
        await expect(
          subject.verify(sign(claims, { algorithm: 'RS256', keyid: `made-up-${made}` }, key)),
        ).rejects.toMatchObject(refused);
      expect(asked - before).toBeLessThanOrEqual(10);
      expect((await subject.verify(good('bob'))).subject).toBe('bob');
    });

    it('that cannot be fetched are a fault of ours, not of the token', async () => {
      const publicKeys = [keysOfUrl('http://127.0.0.1:9/jwks.json')];
      const subject = createTokens({ secret, publicKeys, algorithms: ['RS256'] });
      const token = sign(claims, { algorithm: 'RS256', keyid: 'one' }, rsa.privateKey);
      await expect(subject.verify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    });
  });
});
