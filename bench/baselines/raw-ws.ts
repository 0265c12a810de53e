import { once } from 'node:events';
import { WebSocketServer } from 'ws';

/**
 * The least a WebSocket server can do. `burst` sends `count` messages of `bytes` payload as JSON to its own socket, stringified
 * one by one and awaiting the socket; `broadcast` sends one message to all sockets every `everyMs`, stringified once.
 */
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
const message = (bytes: number, index: number): string =>
  JSON.stringify({
    id: '1',
    type: 'next',
    payload: {
      data: {
        processOutput: {
          cursor: String(index).padStart(24, '0'),
          data: Buffer.alloc(bytes, 120).toString('base64'),
        },
      },
    },
  });

server.on('connection', (socket) => {
  socket.on('message', async (raw) => {
    const order = JSON.parse(String(raw)) as {
      kind: string;
      bytes: number;
      count: number;
      everyMs: number;
    };
    if (order.kind === 'burst') {
      for (let index = 0; index < order.count; index += 1) {
        await new Promise<void>((sent) => socket.send(message(order.bytes, index), () => sent()));
      }
      socket.send('done');
    }
    if (order.kind === 'broadcast') {
      let index = 0;
      const before = process.cpuUsage();
      const timer = setInterval(() => {
        const text = Buffer.from(message(order.bytes, index));
        index += 1;
        for (const client of server.clients) client.send(text, { binary: false });
        if (index === order.count) {
          clearInterval(timer);
          setTimeout(() => {
            const used = process.cpuUsage(before);
            socket.send(JSON.stringify({ cpuMicros: used.user + used.system }));
          }, 1_000);
        }
      }, order.everyMs);
    }
  });
});
await once(server, 'listening');
const address = server.address();
console.log(`ws://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
