import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { PortGrant, Ports } from '../../src/ports/service.ts';
import type { Authenticator } from '../../src/server/authenticator.ts';
import { createPortsProxy } from '../../src/server/ports-proxy.ts';

const grant = { port: 8_080, expiresAt: Date.now() + 60_000 } as PortGrant;

describe('the proxy of ports', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  /** A proxy before a server that accepts and says nothing; `dialling` says that it was asked, and `reach` lets it. */
  const open = async () => {
    const inside = new Set<Socket>();
    const target = createServer((socket) => {
      inside.add(socket);
      socket.on('error', () => undefined).once('close', () => inside.delete(socket));
    }).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const dialling = Promise.withResolvers<void>();
    const reach = Promise.withResolvers<void>();
    const dialled = Promise.withResolvers<Socket>();
    const ports: Pick<Ports, 'verify' | 'dial'> = {
      verify: () => grant,
      async dial() {
        dialling.resolve();
        await reach.promise;
        const socket = connect((target.address() as AddressInfo).port, '127.0.0.1');
        await once(socket, 'connect');
        dialled.resolve(socket);
        return socket;
      },
    };
    const proxy = createPortsProxy({
      ports: ports as Ports,
      authenticator: {} as Authenticator,
      log: pino({ level: 'silent' }),
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    closers.push(() => {
      proxy.closeAllConnections();
      proxy.close();
      for (const socket of inside) socket.destroy();
      target.close();
    });
    return { port: (proxy.address() as AddressInfo).port, dialling, reach, dialled };
  };

  it.each([
    ['a request', 'GET /t/token/ HTTP/1.1\r\nHost: x\r\n\r\n'],
    [
      'a WebSocket',
      'GET /t/token/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
  ])('keeps no connection for a client of %s that has gone before it was made', async (_, head) => {
    const { port, dialling, reach, dialled } = await open();
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(head);
    await dialling.promise;
    client.resetAndDestroy();
    // The proxy hears of it before the connection is made.
    await new Promise((resolve) => setTimeout(resolve, 100));
    reach.resolve();
    const connection = await dialled.promise;
    if (!connection.destroyed) await once(connection, 'close');
    expect(connection.destroyed).toBe(true);
  });
});
