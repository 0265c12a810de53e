import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { call, createSandbox } from './client.ts';
import { cpuMicros, residentKib } from './cpu.ts';
import { launchBaseline, launchSandbank } from './launch.ts';
import { type Row, round, row } from './measure.ts';

const SUBSCRIBERS = 1_000;
const MESSAGES = 40;
const EVERY_MS = 250;
const BYTES = 200;

const START =
  'mutation ($input: StartProcessInput!) { startProcess(input: $input) { __typename ... on Error { message } ... on ProcessPayload { process { id } } } }';
const OUTPUT =
  'subscription ($id: ID!) { processOutput(processId: $id) { __typename ... on ProcessOutput { cursor data } } }';

/** A subscriber that counts and does not parse: the client must not be what is measured. */
const subscriber = (
  url: string,
  token: string,
  id: string,
  onNext: () => void,
): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', {
      perMessageDeflate: false,
    });
    socket.once('error', reject);
    socket.once('open', () =>
      socket.send(
        JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }),
      ),
    );
    socket.on('message', (message: Buffer) => {
      const head = message.subarray(0, 60).toString();
      if (head.includes('"connection_ack"')) {
        socket.send(
          JSON.stringify({
            id: '1',
            type: 'subscribe',
            payload: { query: OUTPUT, variables: { id } },
          }),
        );
        resolve(socket);
      } else if (head.includes('"ping"')) socket.send('{"type":"pong"}');
      else if (head.includes('"next"')) onNext();
    });
  });

const rawCpuPerMessage = async (): Promise<number> => {
  const baseline = await launchBaseline('raw-ws');
  const sockets = await Promise.all(
    Array.from(
      { length: SUBSCRIBERS },
      () =>
        new Promise<WebSocket>((resolve, reject) => {
          const socket = new WebSocket(baseline.url, { perMessageDeflate: false });
          socket.once('error', reject);
          socket.once('open', () => resolve(socket));
        }),
    ),
  );
  await sleep(1_000);
  const before = cpuMicros(baseline.pid);
  sockets[0]?.send(
    JSON.stringify({ kind: 'broadcast', bytes: BYTES, count: MESSAGES, everyMs: EVERY_MS }),
  );
  await sleep(MESSAGES * EVERY_MS + 1_500);
  const used = cpuMicros(baseline.pid) - before;
  for (const socket of sockets) socket.terminate();
  await baseline.stop();
  return used / (SUBSCRIBERS * MESSAGES);
};

/** 1,000 WebSocket subscribers of one stream. The wait around a quiet moment subtracts nothing: timers count as ours. */
export const run = async (): Promise<Row[]> => {
  const server = await launchSandbank();
  try {
    const sandboxId = await createSandbox(server);
    const program = `import os,time
time.sleep(22)
for _ in range(${MESSAGES}):
    os.write(1,b'x'*${BYTES}); time.sleep(${EVERY_MS / 1_000})
time.sleep(60)`;
    const id = (
      await call<{ startProcess: { process: { id: string } } }>(server, START, {
        input: { sandboxId, argv: ['python3', '-c', program] },
      })
    ).startProcess.process.id;
    const started = performance.now();
    let received = 0;
    const open = async (): Promise<WebSocket[]> => {
      const sockets: WebSocket[] = [];
      const count = (): void => {
        received += 1;
      };
      for (let index = 0; index < SUBSCRIBERS; index += 50)
        sockets.push(
          ...(await Promise.all(
            Array.from({ length: 50 }, () => subscriber(server.url, server.token, id, count)),
          )),
        );
      await sleep(2_000);
      return sockets;
    };
    const idle = residentKib(server.pid);
    const sockets = await open();
    const others = await open();
    const perSubscription = (residentKib(server.pid) - idle) / (2 * SUBSCRIBERS);
    for (const socket of others) socket.terminate();
    await sleep(Math.max(0, 21_000 - (performance.now() - started)));
    const before = cpuMicros(server.pid);
    await sleep(MESSAGES * EVERY_MS + 3_000);
    const ours = (cpuMicros(server.pid) - before) / (SUBSCRIBERS * MESSAGES);
    if (received < SUBSCRIBERS * MESSAGES)
      throw new Error(`${received} events of ${SUBSCRIBERS * MESSAGES} arrived`);
    for (const socket of sockets) socket.terminate();
    const theirs = await rawCpuPerMessage();
    return [
      row(
        '1,000 subscribers of one stream, CPU per message against raw ws broadcasting',
        `${round(ours / theirs)} × (${round(ours, 1)} / ${round(theirs, 1)} µs)`,
        '≤ 1.5 ×',
        ours / theirs <= 1.5,
      ),
      row(
        'resident memory per idle subscription, 2,000 of them, one socket each',
        `${round(perSubscription, 1)} KiB`,
        '≤ 40 KiB',
        perSubscription <= 40,
      ),
    ];
  } finally {
    await server.stop();
  }
};
