import { readdirSync } from 'node:fs';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { mutate, newSandbox, OUTPUT, overSse } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { sizeOf } from '../helpers/size.ts';

const SUBSCRIPTIONS = sizeOf('SANDBANK_TEST_SUBSCRIPTIONS', 5_000);
const SOCKETS = sizeOf('SANDBANK_TEST_SOCKETS', 100);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What this process, which is server and client, holds after everything that can be collected is collected. */
const holdings = async () => {
  for (let round = 0; round < 4; round += 1) {
    await pause(100);
    collect();
  }
  return {
    heap: process.memoryUsage().heapUsed,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
    signals: queryObjects(AbortSignal, { format: 'count' }),
  };
};

describe('subscriptions that are opened and closed many times', () => {
  let server: TestServer;
  let id: string;
  beforeAll(async () => {
    server = await startServer();
    const sandboxId = await newSandbox(server);
    const started = await mutate(server, 'startProcess', 'process { id }', {
      sandboxId,
      command: 'while sleep 0.01; do echo tick; done',
    });
    id = started.process.id;
  });
  afterAll(() => server.stop());

  const open = async (): Promise<WebSocket> => {
    const socket = new WebSocket(server.wsUrl, 'graphql-transport-ws');
    await new Promise((resolve) => socket.once('open', resolve));
    const acknowledged = new Promise((resolve) => socket.once('message', resolve));
    const payload = { authorization: `Bearer ${server.token()}` };
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    await acknowledged;
    return socket;
  };
  /** Some are gone before they have begun, some after their first events. */
  const cycle = async (socket: WebSocket, count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const payload = { query: OUTPUT, variables: { id } };
      socket.send(JSON.stringify({ id: String(index), type: 'subscribe', payload }));
      if (index % 3) await new Promise(setImmediate);
      if (index % 25 === 0) await pause(2);
      socket.send(JSON.stringify({ id: String(index), type: 'complete' }));
    }
    await pause(300);
  };

  it(
    `leave nothing after ${SUBSCRIPTIONS.toLocaleString('en')} of them on sockets that stay`,
    async () => {
      const sockets = await Promise.all([open(), open(), open(), open()]);
      await Promise.all(sockets.map((socket) => cycle(socket, 250)));
      const before = await holdings();
      await Promise.all(sockets.map((socket) => cycle(socket, SUBSCRIPTIONS / sockets.length)));
      const after = await holdings();
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2);
      expect(after.resources).toBeLessThanOrEqual(before.resources + 5);
      expect(after.signals).toBeLessThanOrEqual(before.signals + 20);
      // 200 bytes for each would be 2 MB; what the process wrote meanwhile is not kept in memory.
      expect(after.heap - before.heap).toBeLessThan(2_000_000);
      for (const socket of sockets) socket.terminate();
    },
    300_000 + SUBSCRIPTIONS * 10,
  );

  it(
    `leave nothing after ${SOCKETS} sockets and ${SOCKETS} event streams`,
    async () => {
      const churn = async (count: number): Promise<void> => {
        for (let index = 0; index < count; index += 1) {
          const socket = await open();
          const payload = { query: OUTPUT, variables: { id } };
          socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
          if (index % 2) await new Promise((resolve) => socket.once('message', resolve));
          socket.terminate();
          for await (const _ of overSse(server, OUTPUT, { id })) break;
        }
        await pause(500);
      };
      await churn(50);
      const before = await holdings();
      await churn(SOCKETS);
      const after = await holdings();
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 5);
      expect(after.signals).toBeLessThanOrEqual(before.signals + 20);
      expect(after.heap - before.heap).toBeLessThan(3_000_000);
    },
    300_000 + SOCKETS * 200,
  );
});
