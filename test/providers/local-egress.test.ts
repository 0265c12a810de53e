import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublic } from '../../src/providers/local/addresses.ts';
import { createEgress, type EgressOptions } from '../../src/providers/local/egress.ts';

describe('the way out', () => {
  const upstream = createHttpServer((request, response) => {
    if (request.url === '/cut') {
      response.write('half');
      setImmediate(() => response.destroy());
    } else response.end(`${request.method} ${request.url} ${request.headers.host}`);
  });
  const echo = createServer((socket) => void socket.pipe(socket));
  const log = pino({ level: 'silent' });
  const names: Record<string, string[]> = {
    'good.test': ['127.0.0.1'],
    'private.test': ['10.0.0.1', '127.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1'],
    'nonsense.test': ['fe80::1%eth0', 'not an address'],
  };
  let port = 0;
  let echoPort = 0;
  beforeAll(async () => {
    upstream.listen(0, '127.0.0.1');
    echo.listen(0, '127.0.0.1');
    await Promise.all([once(upstream, 'listening'), once(echo, 'listening')]);
    port = (upstream.address() as AddressInfo).port;
    echoPort = (echo.address() as AddressInfo).port;
  });
  afterAll(() => {
    upstream.close();
    echo.close();
  });

  /** What the proxy answers to raw bytes, until it closes. */
  const say = async (bytes: string, options: Partial<EgressOptions> = {}) => {
    const egress = createEgress({
      policy: () => ({ mode: 'full', allow: [] }),
      log,
      resolve: async (host) => names[host] ?? Promise.reject(new Error('no such name')),
      ...options,
    });
    const front = createServer({ allowHalfOpen: true }, (socket) => egress.handle(socket));
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const client = connect((front.address() as AddressInfo).port, '127.0.0.1');
    client.write(bytes);
    const answer = await text(client).catch((error: Error) => error.message);
    front.close();
    return answer;
  };
  const permitAddress = (address: string): boolean => address === '127.0.0.1';
  const get = (address: string) =>
    `GET ${address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;

  it('is closed under the policy none', async () => {
    const policy = () => ({ mode: 'none', allow: [] }) as const;
    expect(await say(get('http://good.test/'), { policy })).toMatch(/^HTTP\/1.1 403[\s\S]*policy/);
    expect(await say('CONNECT good.test:443 HTTP/1.1\r\n\r\n', { policy })).toMatch(
      /^HTTP\/1.1 403/,
    );
  });

  it('leads to an allowed name, and to no other, nor to another port', async () => {
    const options = {
      permitAddress,
      policy: () => ({ mode: 'allow-list', allow: [`good.test:${port}`] }) as const,
    };
    expect(await say(get(`http://GOOD.test:${port}/a?b`), options)).toContain(
      `GET /a?b good.test:${port}`,
    );
    expect(await say(get(`http://good.test:${echoPort}/`), options)).toMatch(/^HTTP\/1.1 403/);
    expect(await say(get(`http://private.test:${port}/`), options)).toMatch(/^HTTP\/1.1 403/);
  });

  it('tunnels bytes both ways', async () => {
    const answer = await say(`CONNECT good.test:${echoPort} HTTP/1.1\r\n\r\nearly bytes`, {
      permitAddress,
      ...closeEcho(echo),
    });
    expect(answer).toBe('HTTP/1.1 200 Connection Established\r\n\r\nearly bytes');
  });

  it.each(['http://private.test/', 'http://nonsense.test/', 'http://good.test/'])(
    'does not lead to the private addresses behind %s',
    async (address) => {
      expect(await say(get(address))).toMatch(/^HTTP\/1.1 403[\s\S]*private or local/);
    },
  );

  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost/',
  ])('does not lead to the host by %s', async (address) => {
    const { resolve: _, ...rest } = { resolve: undefined };
    const { lookup } = await import('node:dns/promises');
    const system = async (host: string) =>
      (await lookup(host, { all: true })).map((one) => one.address);
    expect(await say(get(address), { ...rest, resolve: system })).toMatch(/^HTTP\/1.1 403/);
  });

  it('connects to the address it has checked, though the name changes meanwhile', async () => {
    let asked = 0;
    const answer = await say(get(`http://rebind.test:${port}/`), {
      permitAddress: (address) => address === '127.0.0.1',
      resolve: async () => [asked++ === 0 ? '127.0.0.1' : '192.0.2.1'],
    });
    expect(answer).toContain('GET / rebind.test');
    expect(asked).toBe(1);
  });

  it.each([
    ['no HTTP', '\x16\x03\x01\x02\x00 hello\r\n\r\n', 400],
    ['an origin-form address', get('/'), 400],
    ['another scheme', get('ftp://good.test/'), 400],
    ['CONNECT without a port', 'CONNECT good.test HTTP/1.1\r\n\r\n', 400],
    ['CONNECT to no port', 'CONNECT good.test:99999 HTTP/1.1\r\n\r\n', 400],
    [
      'a header of 20 KiB',
      `GET http://good.test/ HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      400,
    ],
    ['an unknown name', get('http://unknown.test/'), 502],
  ])('answers %s in one line', async (_, bytes, status) => {
    const answer = await say(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.split('\r\n\r\n')[1]?.replace(/^\w+\r\n|\r\n\w+$/g, '')).toMatch(/\w+/);
  });

  it('survives an upstream that breaks off, and one that does not answer', async () => {
    expect(await say(get(`http://good.test:${port}/cut`), { permitAddress })).toContain('half');
    expect(await say('CONNECT good.test:1 HTTP/1.1\r\n\r\n', { permitAddress })).toMatch(
      /^HTTP\/1.1 502/,
    );
    const failing = {
      resolve: () => {
        throw new Error('resolver broke');
      },
    };
    expect(await say(get('http://good.test/'), failing)).toMatch(/^HTTP\/1.1 502/);
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    'fd00::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'localhost',
    '',
  ])('holds %j not to be public', (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it.each(['93.184.216.34', '2606:2800:220:1::1'])('holds %s to be public', (address) => {
    expect(isPublic(address)).toBe(true);
  });
});

/** The echo ends with its first answer, so that the tunnel can be read to its end. */
const closeEcho = (echo: ReturnType<typeof createServer>): object => {
  echo.once('connection', (socket: Socket) => socket.once('data', () => socket.end()));
  return {};
};
