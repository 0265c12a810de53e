import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { createResolveName } from '../../src/providers/local/names.ts';

/**
 * A name server that knows `known.test` and `half.test`, says of others that they are not there, and answers nothing to names that begin with
 * `slow`, nor to a question for the IPv6 addresses of `half.test`.
 */
const openNameServer = async () => {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, { port }) => {
    let end = 12;
    const labels: string[] = [];
    for (let length = query[end] ?? 0; length; length = query[end] ?? 0) {
      labels.push(query.toString('latin1', end + 1, end + 1 + length));
      end += 1 + length;
    }
    const name = labels.join('.');
    asked.push(name);
    const isIPv4 = query.readUInt16BE(end + 1) === 1;
    if (name.startsWith('slow') || (name === 'half.test' && !isIPv4)) return;
    const question = query.subarray(12, end + 5);
    const isKnown = ['known.test', 'half.test'].includes(name) && isIPv4;
    const head = Buffer.from([0x81, isKnown ? 0x80 : 0x83, 0, 1, 0, isKnown ? 1 : 0, 0, 0, 0, 0]);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    const parts = [query.subarray(0, 2), head, question, ...(isKnown ? [record] : [])];
    socket.send(Buffer.concat(parts), port, '127.0.0.1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { servers: [`127.0.0.1:${socket.address().port}`], asked, close: () => socket.close() };
};

describe('the names that a sandbox may ask for', () => {
  let close = (): void => undefined;
  afterEach(() => close());

  it('are asked of the name servers, and an address stands for itself', async () => {
    const server = await openNameServer();
    ({ close } = server);
    const resolve = createResolveName(server);
    expect(await resolve('known.test')).toEqual(['192.0.2.7']);
    expect(await resolve('unknown.test')).toEqual([]);
    expect(await resolve('192.0.2.9')).toEqual(['192.0.2.9']);
    expect(await resolve('2001:db8::1')).toEqual(['2001:db8::1']);
    expect(server.asked).not.toContain('192.0.2.9');
  });

  // The library that asks would wait for fourteen seconds by itself, and for longer than the shorter limit.
  it.each([120_000, 200])(
    'have their IPv4 addresses when the question for IPv6 is never answered (limit of %i ms)',
    async (timeoutMs) => {
      const server = await openNameServer();
      ({ close } = server);
      const resolve = createResolveName({ ...server, timeoutMs });
      expect(await resolve('half.test')).toEqual(['192.0.2.7']);
    },
    10_000,
  );

  it('are given up when no server answers, and are only so many at once', async () => {
    const server = await openNameServer();
    ({ close } = server);
    const resolve = createResolveName({ ...server, timeoutMs: 200, width: 2 });
    const slow = ['slow1.test', 'slow2.test'].map((name) =>
      resolve(name).catch(() => [] as string[]),
    );
    expect(await resolve('known.test')).toBeNull();
    // The same name once more is no more work.
    const same = resolve('slow1.test').catch(() => [] as string[]);
    expect(await Promise.all([...slow, same])).toEqual([[], [], []]);
    expect(await resolve('known.test')).toEqual(['192.0.2.7']);
  });
});
