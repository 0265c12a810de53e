import { AppError } from '../../src/errors.ts';
import type { Capabilities } from '../../src/providers/types/capabilities.ts';
import type { VendorHandle } from '../../src/providers/types/handle.ts';
import {
  LOST,
  type OutputChunk,
  type OutputLost,
  type ProcessExit,
  type VendorProcess,
} from '../../src/providers/types/process.ts';
import type { Provider } from '../../src/providers/types/provider.ts';

const none = 'none' as const;

/** A process that says and does what the test tells it to. */
export const createScript = (ref: string) => {
  const chunks: (OutputChunk | OutputLost)[] = [];
  const signals: string[] = [];
  const exit = Promise.withResolvers<ProcessExit>();
  let ended = false;
  let wake = Promise.withResolvers<void>();
  let acknowledged = 0;
  let isDeaf = false;
  const changed = (): void => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const end = (how: ProcessExit): void => {
    ended = true;
    exit.resolve(how);
    changed();
  };
  const read = async function* (after: number): AsyncGenerator<OutputChunk | OutputLost> {
    for (let index = after; ; index += 1) {
      while (index >= chunks.length && !ended) await wake.promise;
      const chunk = chunks[index];
      if (!chunk) return;
      yield chunk;
      acknowledged = Math.max(acknowledged, chunk.position);
    }
  };
  return {
    signals,
    acknowledged: () => acknowledged,
    says(text: string): void {
      const position = chunks.length + 1;
      chunks.push({ kind: 'output', stream: 'stdout', bytes: Buffer.from(text), position });
      changed();
    },
    loses(reason: string): void {
      chunks.push({ kind: 'lost', reason, position: chunks.length + 1 });
      changed();
    },
    exits: (exitCode: number): void => end({ ...LOST, kind: 'EXITED', exitCode }),
    /** No signal ends it, and none is refused. */
    isDeaf(): void {
      isDeaf = true;
    },
    open: (after: number): VendorProcess => ({
      ref,
      pid: 7,
      output: read(after),
      exit: exit.promise,
      stdin: { write: async () => undefined, close: async () => undefined },
      async signal(name) {
        signals.push(name);
        if (name === 'SIGKILL' && !isDeaf) end({ ...LOST, kind: 'SIGNALED', signal: name });
      },
      resize: async () => undefined,
      release: async () => undefined,
    }),
  };
};
export type Script = ReturnType<typeof createScript>;

/**
 * A vendor whose processes a test moves step by step. `onSpawn` is asked before a start is answered, and may hold it back or fail it when
 * the process runs already. `reattach: none` is what a vendor does that forgets whoever started a process.
 */
export const createScriptedVendor = (
  deployment: string,
  reattach: 'replay' | 'none' = 'replay',
) => {
  const scripts = new Map<string, Script>();
  const sandboxes = new Map<string, string>();
  const started: string[] = [];
  let attached = 0;
  let whenStarted: (id: string, script: Script) => Promise<void> | void = () => undefined;
  const waiting = new Map<number, PromiseWithResolvers<Script>>();

  const handleOf = (ref: string): VendorHandle => {
    const ended = Promise.withResolvers<{ reason: 'destroyed'; message: string }>();
    const noFiles = async (): Promise<never> => {
      throw new AppError('UNSUPPORTED', 'This vendor has no files.');
    };
    return {
      ref,
      ended: ended.promise,
      files: {
        atomic: false,
        async *read() {
          yield await noFiles();
        },
        write: noFiles,
      },
      async spawn({ id }) {
        const script = createScript(`ref-${id}`);
        scripts.set(`ref-${id}`, script);
        started.push(id);
        waiting.get(started.length)?.resolve(script);
        await whenStarted(id, script);
        return script.open(0);
      },
      ...(reattach === 'none'
        ? {}
        : {
            async attach(name: string, after: number) {
              attached += 1;
              const script = scripts.get(name) ?? scripts.get(`ref-${name}`);
              if (!script) throw new AppError('NOT_FOUND', 'There is no such process.');
              return script.open(after);
            },
          }),
      async destroy() {
        sandboxes.delete(ref);
        ended.resolve({ reason: 'destroyed', message: '' });
      },
    };
  };
  const capabilities: Capabilities = {
    ...{ reattach, output: 'bytes', files: 'text', pty: 'native', stdin: 'native' },
    ...{ signals: 'process', watch: none, ports: none, extend: 'server', networkModes: ['none'] },
    ...{ pause: none, snapshot: none, secrets: 'env', warm: none, bound: none },
    limits: {
      ...{ cpu: none, memory: none, disk: none, inodes: none },
      ...{ processes: none, time: 'enforced' },
    },
  };
  const provider: Provider = {
    name: 'scripted',
    capabilities,
    health: async () => ({ status: 'healthy', reason: null }),
    async create({ id }) {
      sandboxes.set(`box-${id}`, id);
      return handleOf(`box-${id}`);
    },
    async connect(ref) {
      if (!sandboxes.has(ref)) throw new AppError('NOT_FOUND', 'There is no such sandbox.');
      return handleOf(ref);
    },
    list: async () =>
      [...sandboxes].map(([ref, id]) => ({
        ...{ ref, id, deployment, createdAt: 0, expiresAt: null, state: 'running' as const },
      })),
    async destroy(ref) {
      sandboxes.delete(ref);
    },
    dispose: async () => undefined,
  };
  return {
    provider,
    started,
    attachments: () => attached,
    /** The process that is started as the `number`th. */
    async script(number: number): Promise<Script> {
      const id = started[number - 1];
      if (id !== undefined) return scripts.get(`ref-${id}`) as Script;
      const found = waiting.get(number) ?? Promise.withResolvers<Script>();
      waiting.set(number, found);
      return found.promise;
    },
    onSpawn(work: typeof whenStarted): void {
      whenStarted = work;
    },
  };
};
