import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createControl } from '../../src/providers/local/control.ts';

describe('the control connection to a supervisor that reads nothing', () => {
  it('holds a bounded number of bytes, and refuses what is more', async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [peer] = (await once(server, 'connection')) as [Socket];
    const control = createControl();
    control.take(socket);
    const body = Buffer.alloc(200_000);
    const refusals: unknown[] = [];
    const requests = Array.from({ length: 500 }, () =>
      control
        .request({ op: 'stdin', fields: { p: 'prc_1' }, body, timeoutMs: 60_000 })
        .catch((error: unknown) => void refusals.push(error)),
    );
    // What fits waits for an answer; the rest is refused at once.
    await expect.poll(() => refusals.length, { timeout: 20_000 }).toBeGreaterThan(300);
    for (const error of refusals)
      expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(socket.writableLength).toBeLessThan(10 * 2 ** 20);
    control.close();
    await Promise.all(requests);
    for (const one of [socket, peer]) one.destroy();
    server.close();
  });
});
