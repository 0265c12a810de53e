import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/errors.ts';
import type { VendorHandle } from '../../src/providers/types/handle.ts';
import type { OutputChunk, ProcessExit, VendorProcess } from '../../src/providers/types/process.ts';
import type { Provider } from '../../src/providers/types/provider.ts';

/** How often a process of the vendor prints a line. */
export const LINE_MS = 50;

type Stored = { id: string; deployment: string; createdAt: number };
type StoredProcess = { startedAt: number; lines: number };

const holdOf = (folder: string): string => join(folder, 'hold');

/** From now on the vendor makes sandboxes and does not say so, until `release`. */
export const holdAnswers = (folder: string): { release(): void } => {
  writeFileSync(holdOf(folder), '');
  return { release: () => rmSync(holdOf(folder), { force: true }) };
};

const none = 'none' as const;
const unlimited = {
  ...{ cpu: none, memory: none, disk: none },
  ...{ inodes: none, processes: none, time: none },
};
const noFiles = async (): Promise<never> => {
  throw new AppError('UNSUPPORTED', 'The vendor of these tests has no files.');
};

/**
 * A vendor that lives in a folder, so that every server of a test reaches the same sandboxes. A process prints a numbered line every 50 ms,
 * whoever listens. Each thing that a server asks for is written to the folder's log, with the pid of the server.
 */
export const createSharedVendor = (
  folder: string,
  deployment: string,
  name = 'shared',
): Provider => {
  for (const part of ['sandboxes', 'processes']) mkdirSync(join(folder, part), { recursive: true });
  const log = (...words: (string | number)[]): void =>
    appendFileSync(join(folder, 'log'), `${[process.pid, ...words].join(' ')}\n`);
  const fileOf = (ref: string): string => join(folder, 'sandboxes', ref);
  const load = (ref: string): Stored => {
    if (!existsSync(fileOf(ref))) throw new AppError('NOT_FOUND', 'There is no such sandbox.');
    return JSON.parse(readFileSync(fileOf(ref), 'utf8'));
  };

  const processOf = (
    id: string,
    { startedAt, lines }: StoredProcess,
    after: number,
  ): VendorProcess => {
    const exit = Promise.withResolvers<ProcessExit>();
    const output = async function* (): AsyncGenerator<OutputChunk> {
      for (let line = after + 1; line <= lines; line += 1) {
        await sleep(Math.max(0, startedAt + line * LINE_MS - Date.now()));
        yield {
          ...({ kind: 'output', stream: 'stdout', position: line } as const),
          bytes: Buffer.from(`line ${line}\n`),
        };
        log('acknowledged', id, line);
      }
      const facts = { reason: null, signal: null, cpuSeconds: null, maxMemoryBytes: null };
      exit.resolve({ kind: 'EXITED', exitCode: 0, ...facts });
    };
    return { ref: id, pid: null, output: output(), exit: exit.promise };
  };

  const handleOf = (ref: string, stored: Stored): VendorHandle => {
    const ended = Promise.withResolvers<{ reason: 'destroyed'; message: string }>();
    return {
      ref,
      ended: ended.promise,
      files: {
        async *read() {
          yield await noFiles();
        },
        write: noFiles,
        atomic: false,
      },
      async spawn({ id, argv }) {
        const kept: StoredProcess = { startedAt: Date.now(), lines: Number(argv[1] ?? 1) };
        writeFileSync(join(folder, 'processes', id), JSON.stringify(kept));
        return processOf(id, kept, 0);
      },
      async attach(id, after) {
        const file = join(folder, 'processes', id);
        if (!existsSync(file)) throw new AppError('NOT_FOUND', 'There is no such process.');
        log('attached', id, after);
        return processOf(id, JSON.parse(readFileSync(file, 'utf8')), after);
      },
      async usage() {
        const limits = { cpus: 1, memoryBytes: 1, diskBytes: 1, processes: 1 };
        const enforcement = { cpus: '', memory: '', disk: '', processes: '' };
        const cpuSeconds = (Date.now() - stored.createdAt) / 1_000;
        const unknown = { memoryBytes: null, peakMemoryBytes: null, diskBytes: null };
        return { cpuSeconds, ...unknown, processes: null, egressBytes: null, limits, enforcement };
      },
      async destroy() {
        log('destroyed', stored.id);
        rmSync(fileOf(ref), { force: true });
        ended.resolve({ reason: 'destroyed', message: '' });
      },
    };
  };

  return {
    name,
    capabilities: {
      ...{ reattach: 'replay', output: 'bytes', files: 'text', pty: none, stdin: none },
      ...{ signals: none, watch: none, ports: none, extend: 'server', networkModes: ['none'] },
      ...{ pause: none, snapshot: none, secrets: 'env', warm: none, bound: none },
      limits: unlimited,
    },
    health: async () => ({ status: 'healthy', reason: null }),
    async create({ id }) {
      const ref = `${name}-${id}`;
      const stored: Stored = { id, deployment, createdAt: Date.now() };
      writeFileSync(fileOf(ref), JSON.stringify(stored));
      log('created', id);
      while (existsSync(holdOf(folder))) await sleep(LINE_MS);
      return handleOf(ref, stored);
    },
    connect: async (ref) => handleOf(ref, load(ref)),
    list: async () =>
      readdirSync(join(folder, 'sandboxes')).flatMap((ref) => {
        const { id, deployment: label, createdAt } = load(ref);
        if (label !== deployment) return [];
        return [{ ref, id, deployment, createdAt, expiresAt: null, state: 'running' as const }];
      }),
    async destroy(ref) {
      const { id, deployment: label } = load(ref);
      if (label !== deployment) throw new AppError('NOT_FOUND', 'There is no such sandbox.');
      log('destroyed', id);
      rmSync(fileOf(ref), { force: true });
    },
    dispose: async () => undefined,
  };
};

/** What servers have asked of the vendor: pid, what, and of which. */
export const vendorLog = (
  folder: string,
): { pid: number; what: string; id: string; line: number }[] =>
  existsSync(join(folder, 'log'))
    ? readFileSync(join(folder, 'log'), 'utf8')
        .trim()
        .split('\n')
        .map((text) => {
          const [pid, what = '', id = '', line] = text.split(' ');
          return { pid: Number(pid), what, id, line: Number(line) };
        })
    : [];

/** A sandbox at the vendor that no row tells of; with another label it is somebody else's. */
export const plantSandbox = (folder: string, id: string, deployment: string): string => {
  const ref = `planted-${id}`;
  const stored: Stored = { id, deployment, createdAt: Date.now() };
  writeFileSync(join(folder, 'sandboxes', ref), JSON.stringify(stored));
  return ref;
};

export const vendorRefs = (folder: string): string[] => readdirSync(join(folder, 'sandboxes'));
