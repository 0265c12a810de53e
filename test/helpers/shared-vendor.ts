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
import type {
  OutputChunk,
  Provider,
  ProviderProcess,
  SandboxHandle,
  SandboxSpec,
} from '../../src/providers/provider.ts';

/** How often a process of the vendor prints a line. */
export const LINE_MS = 50;

type Stored = { id: string; label: string; createdAt: number };
type StoredProcess = { startedAt: number; lines: number };

const unsupported = (): never => {
  throw new AppError('UNSUPPORTED', 'The vendor of these tests cannot do this.');
};

/**
 * A vendor that lives in a folder, so that every server of a test reaches the same sandboxes. A process prints a numbered line every 50 ms,
 * whoever listens. Each thing that a server asks for is written to the folder's log, with the pid of the server.
 */
export const createSharedVendor = (folder: string, name = 'shared'): Provider => {
  for (const part of ['sandboxes', 'processes']) mkdirSync(join(folder, part), { recursive: true });
  const log = (...words: (string | number)[]): void =>
    appendFileSync(join(folder, 'log'), `${[process.pid, ...words].join(' ')}\n`);
  const fileOf = (ref: string): string => join(folder, 'sandboxes', ref);

  const processOf = (
    id: string,
    { startedAt, lines }: StoredProcess,
    after: number,
  ): ProviderProcess => {
    const exit = Promise.withResolvers<Awaited<ProviderProcess['exit']>>();
    const output = async function* (): AsyncGenerator<OutputChunk> {
      for (let line = after + 1; line <= lines; line += 1) {
        await sleep(Math.max(0, startedAt + line * LINE_MS - Date.now()));
        yield {
          ...({ kind: 'output', stream: 'stdout', position: line } as const),
          bytes: Buffer.from(`line ${line}\n`),
        };
        log('acknowledged', id, line);
      }
      const numbers = { cpuSeconds: null, maxMemoryBytes: null };
      exit.resolve({ kind: 'EXITED', exitCode: 0, signal: null, ...numbers });
    };
    return {
      ...{ id, pid: null, output: output(), exit: exit.promise },
      ...{ write: unsupported, closeStdin: unsupported, signal: unsupported, resize: unsupported },
      release: async () => undefined,
    };
  };

  const handleOf = (ref: string, stored: Stored): SandboxHandle => {
    const ended = Promise.withResolvers<{ reason: 'destroyed'; message: string }>();
    const files = new Proxy({}, { get: () => unsupported }) as SandboxHandle['files'];
    return {
      ref,
      files,
      ended: ended.promise,
      async spawn({ id, argv }) {
        const kept: StoredProcess = { startedAt: Date.now(), lines: Number(argv[1] ?? 1) };
        writeFileSync(join(folder, 'processes', id), JSON.stringify(kept));
        return processOf(id, kept, 0);
      },
      async reattach(id, after) {
        const file = join(folder, 'processes', id);
        if (!existsSync(file)) throw new AppError('NOT_FOUND', 'There is no such process.');
        log('reattached', id, after);
        return processOf(id, JSON.parse(readFileSync(file, 'utf8')), after);
      },
      async usage() {
        const limits = { cpus: 1, memoryBytes: 1, diskBytes: 1, processes: 1 };
        const enforcement = { cpus: '', memory: '', disk: '', processes: '' };
        const cpuSeconds = (Date.now() - stored.createdAt) / 1_000;
        const zero = { memoryBytes: 0, peakMemoryBytes: 0, diskBytes: 0, processes: 0 };
        return { cpuSeconds, ...zero, egressBytes: 0, limits, enforcement };
      },
      dial: unsupported,
      ports: async () => [],
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
      ...{ reattach: 'replay', output: 'bytes', pty: 'none', stdin: 'none', signals: 'none' },
      ...{ watch: 'none', ports: 'none', extend: 'native', networkPolicies: ['none'] },
      ...{ pause: 'none', snapshot: 'none', secrets: 'env', bound: 'none', limits: 'none' },
    },
    health: async () => ({ status: 'healthy', reason: null }),
    async create({ id }: SandboxSpec) {
      const ref = `${name}-${id}`;
      const stored: Stored = { id, label: 'sandbank', createdAt: Date.now() };
      writeFileSync(fileOf(ref), JSON.stringify(stored));
      log('created', id);
      return handleOf(ref, stored);
    },
    async connect(ref) {
      if (!existsSync(fileOf(ref))) throw new AppError('NOT_FOUND', 'There is no such sandbox.');
      return handleOf(ref, JSON.parse(readFileSync(fileOf(ref), 'utf8')));
    },
    list: async () =>
      readdirSync(join(folder, 'sandboxes')).flatMap((ref) => {
        const { id, label }: Stored = JSON.parse(readFileSync(fileOf(ref), 'utf8'));
        return label === 'sandbank' ? [{ ref, id }] : [];
      }),
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
export const plantSandbox = (folder: string, id: string, label: string): string => {
  const ref = `planted-${id}`;
  const stored: Stored = { id, label, createdAt: Date.now() };
  writeFileSync(join(folder, 'sandboxes', ref), JSON.stringify(stored));
  return ref;
};

export const vendorRefs = (folder: string): string[] => readdirSync(join(folder, 'sandboxes'));
