import type { Client } from 'graphql-ws';
import WebSocket from 'ws';
import { call, connect, createSandbox } from './client.ts';
import { launchBaseline, launchSandbank } from './launch.ts';
import { quantile, type Row, round, row } from './measure.ts';

const START =
  'mutation ($input: StartProcessInput!) { startProcess(input: $input) { __typename ... on Error { message } ... on ProcessPayload { process { id } } } }';
const OUTPUT =
  'subscription ($id: ID!) { processOutput(processId: $id) { __typename ... on ProcessOutput { cursor data } } }';

type Event = { processOutput: { __typename: string; data?: string } };

/** Payload bytes per second of a process that writes `count` times `bytes`, from the first event to the exit. */
const ours = async (
  client: Client,
  start: (argv: string[]) => Promise<string>,
  bytes: number,
  count: number,
  pauseMicros = 0,
): Promise<number> => {
  const program = `import os,time
b=b'x'*${bytes}
for _ in range(${count}):
    os.write(1,b)
    ${pauseMicros ? `time.sleep(${pauseMicros / 1e6})` : 'pass'}`;
  const id = await start(['python3', '-c', program]);
  let first = 0;
  let received = 0;
  for await (const { data } of client.iterate<Event>({ query: OUTPUT, variables: { id } })) {
    if (first === 0) first = performance.now();
    received += Buffer.byteLength(data?.processOutput.data ?? '', 'base64');
  }
  if (received !== bytes * count) throw new Error(`received ${received} of ${bytes * count} bytes`);
  return (received / (performance.now() - first)) * 1_000;
};

const raw = (url: string, bytes: number, count: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    let first = 0;
    let received = 0;
    socket.once('error', reject);
    socket.once('open', () =>
      socket.send(JSON.stringify({ kind: 'burst', bytes, count, everyMs: 0 })),
    );
    socket.on('message', (message) => {
      const text = String(message);
      if (text === 'done') {
        socket.close();
        resolve((received / (performance.now() - first)) * 1_000);
        return;
      }
      if (first === 0) first = performance.now();
      const event = JSON.parse(text) as { payload: { data: Event } };
      received += Buffer.byteLength(event.payload.data.processOutput.data ?? '', 'base64');
    });
  });

const mib = (rate: number): string => `${round(rate / 2 ** 20, 1)} MiB/s`;

/** One process to one WebSocket subscriber, against a raw `ws` server that sends the same JSON. */
export const run = async (): Promise<Row[]> => {
  const server = await launchSandbank();
  const baseline = await launchBaseline('raw-ws');
  const client = connect(server);
  try {
    const sandboxId = await createSandbox(server);
    const start = async (argv: string[]): Promise<string> =>
      (
        await call<{ startProcess: { process: { id: string } } }>(server, START, {
          input: { sandboxId, argv },
        })
      ).startProcess.process.id;
    const large = { ours: [] as number[], raw: [] as number[] };
    const small = { ours: [] as number[], raw: [] as number[] };
    for (let turn = 0; turn < 5; turn += 1) {
      large.raw.push(await raw(baseline.url, 65_536, 800));
      large.ours.push(await ours(client, start, 65_536, 800));
      small.raw.push(await raw(baseline.url, 100, 20_000));
      small.ours.push(await ours(client, start, 100, 100_000));
    }
    const [a, b] = [quantile(large.ours, 0.5), quantile(large.raw, 0.5)];
    const [c, d] = [quantile(small.ours, 0.5), quantile(small.raw, 0.5)];
    return [
      row(
        '64 KiB writes to one WebSocket subscriber, against raw ws with the same JSON',
        `${round(a / b)} × (${mib(a)} / ${mib(b)})`,
        '≥ 0.6 ×',
        a / b >= 0.6,
      ),
      row(
        '100-byte writes, against raw ws that sends each as a message (unbatched)',
        `${round(c / d)} × (${mib(c)} / ${mib(d)})`,
        '≥ 5 ×',
        c / d >= 5,
      ),
    ];
  } finally {
    await client.dispose();
    await Promise.all([server.stop(), baseline.stop()]);
  }
};
