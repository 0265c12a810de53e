import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { openFiles } from './files.ts';
import { listPorts } from './ports.ts';
import { openProcesses } from './processes.ts';
import { createDecoder, encodeFrame, type Head } from './protocol.ts';
import { listenForProxy, openStreams } from './streams.ts';
import { openWatches } from './watches.ts';

/** The supervisor: pid 2 of a sandbox. It dials the server, does what it is told, and keeps output until it is acknowledged. */
const SOCKET = '/run/sandbank/control.sock';
const REDIAL_MS = 50;
const IDLE_LEASE_MS = 15_000;

let control: Socket | null = null;
let lease = IDLE_LEASE_MS;
let lastSeen = Date.now();
/** The instant, in milliseconds since the epoch, at which the sandbox ends itself should no server be there to do it. */
let expiresAt = Number.POSITIVE_INFINITY;

const send = (head: Head, body?: Uint8Array): boolean =>
  control ? control.write(encodeFrame(head, body)) : false;

const streams = openStreams(SOCKET);
const processes = openProcesses(send);
const files = openFiles(streams);
const watches = openWatches(send);
let proxy: { close(): void } | null = null;

type Handler = (head: Head, body: Buffer) => unknown;

const operations: Record<string, Handler> = {
  ...processes.operations,
  ...files,
  ...watches.operations,
  ports: listPorts,
  dial: (head) => streams.dial(Number(head.port), String(head.stream)),
  assign: (head) => {
    lease = Number(head.leaseMs);
    expiresAt = Number(head.expiresAt ?? Number.POSITIVE_INFINITY);
    if (head.proxy && !proxy) proxy = listenForProxy(streams);
    return {};
  },
};

const onFrame = async (head: Head, body: Buffer): Promise<void> => {
  lastSeen = Date.now();
  if (head.t === 'ack') return processes.acknowledge(String(head.p), Number(head.n));
  const operation = operations[String(head.op)];
  const id = head.id;
  try {
    if (!operation)
      throw Object.assign(new Error(`no operation ${String(head.op)}`), { code: 'UNSUPPORTED' });
    send({ t: 'res', id, value: (await operation(head, body)) ?? null });
  } catch (error) {
    const { code = 'EIO', message = String(error) } = error as { code?: string; message?: string };
    send({ t: 'res', id, error: { code, message: message.slice(0, 2_000) } });
  }
};

const dialServer = (): void => {
  const socket = connect(SOCKET);
  socket.once('connect', () => {
    lastSeen = Date.now();
    control = socket;
    send({ t: 'hello', control: true });
  });
  const decode = createDecoder((head, body) => void onFrame(head, body));
  socket.on('data', (chunk) => {
    try {
      decode(chunk);
    } catch {
      socket.destroy();
    }
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    if (control === socket) {
      control = null;
      processes.detach();
      watches.closeAll();
    }
    setTimeout(dialServer, REDIAL_MS);
  });
};

/** Without this, what still runs would keep the sandbox alive after its supervisor. -1: all but this one and pid 1. */
const endAll = (): never => {
  try {
    process.kill(-1, 'SIGKILL');
  } catch {
    // Nobody else is left.
  }
  process.exit(0);
};

setInterval(() => {
  if (control) lastSeen = Date.now();
  else if (Date.now() - lastSeen > lease || Date.now() > expiresAt) endAll();
}, 1_000);
process.on('uncaughtException', (error) => process.stderr.write(`supervisor: ${error.stack}\n`));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE', 'SIGXFSZ'] as const)
  process.on(signal, () => undefined);
// The first use starts the thread pool: later, with the limit of processes reached, libuv would abort.
void stat('/').catch(() => undefined);
dialServer();
