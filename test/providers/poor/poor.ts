import { AppError } from '../../../src/errors.ts';
import type { Capabilities } from '../../../src/providers/types/capabilities.ts';
import type { VendorHandle } from '../../../src/providers/types/handle.ts';
import {
  LOST,
  type ProcessExit,
  type VendorProcess,
} from '../../../src/providers/types/process.ts';
import type { Provider } from '../../../src/providers/types/provider.ts';
import type { SandboxEnd } from '../../../src/providers/types/sandbox.ts';
import { type Box, openVendor, type PoorVendor, VendorError } from './vendor.ts';

const capabilities: Capabilities = {
  reattach: 'none',
  output: 'at-end',
  files: 'text',
  pty: 'none',
  stdin: 'none',
  signals: 'none',
  watch: 'none',
  ports: 'none',
  extend: 'none',
  networkModes: ['none'],
  pause: 'none',
  snapshot: 'none',
  secrets: 'env',
  warm: 'none',
  bound: 'none',
  limits: {
    cpu: 'none',
    memory: 'none',
    disk: 'none',
    inodes: 'none',
    processes: 'none',
    time: 'none',
  },
};
const WATCH_MS = 500;

/** By status, as all errors of vendors are told apart. */
const toAppError = (error: unknown): unknown => {
  if (!(error instanceof VendorError)) return error;
  return error.status === 400
    ? new AppError('INVALID_ARGUMENT', error.message)
    : new AppError('NOT_FOUND', 'The poor vendor has no such sandbox.');
};
const asked = <Value>(work: Promise<Value>): Promise<Value> =>
  work.catch((error: unknown) => {
    throw toAppError(error);
  });

/** The whole answer at the end, and each part of it twice: this vendor delivers at least once. */
const toProcess = (ref: string, run: ReturnType<PoorVendor['run']>): VendorProcess => {
  const exit = run.then(
    ({ exitCode }): ProcessExit => ({ ...LOST, kind: 'EXITED', exitCode }),
    () => LOST,
  );
  const output = async function* () {
    const { stdout, stderr } = await run.catch(() => ({ stdout: '', stderr: '' }));
    const parts = [
      ['stdout', stdout],
      ['stderr', stderr],
    ] as const;
    for (const [index, [stream, text]] of parts.entries()) {
      if (text === '') continue;
      const bytes = Buffer.from(text);
      const chunk = { kind: 'output', stream, bytes, position: index + 1 } as const;
      yield chunk;
      yield chunk;
    }
  };
  return { ref, pid: null, output: output(), exit };
};

const toHandle = (vendor: PoorVendor, { ref }: Box): VendorHandle => {
  const ended = Promise.withResolvers<SandboxEnd>();
  const watch = setInterval(() => {
    vendor.get(ref).catch((error: unknown) => {
      if (error instanceof VendorError) finish({ reason: 'died', message: 'The vendor ended it.' });
    });
  }, WATCH_MS).unref();
  const finish = (end: SandboxEnd): void => {
    clearInterval(watch);
    ended.resolve(end);
  };
  return {
    ref,
    ended: ended.promise,
    async spawn({ id, argv, env, cwd = '/home/user' }) {
      // It would say so at the end only, with the exit code of `cd`.
      const { exitCode } = await asked(vendor.run(ref, ['/bin/test', '-d', cwd], {}, '/'));
      if (exitCode !== 0)
        throw new AppError('INVALID_ARGUMENT', `The working directory ${cwd} is not a directory.`);
      return toProcess(id, vendor.run(ref, argv, env, cwd));
    },
    files: {
      atomic: false,
      async *read(path) {
        yield Buffer.from(await asked(vendor.readText(ref, path)));
      },
      async write(path, content) {
        const parts: Uint8Array[] = [];
        for await (const part of content) parts.push(part);
        await asked(vendor.writeText(ref, path, Buffer.concat(parts).toString()));
      },
    },
    async destroy() {
      await vendor.destroy(ref);
      finish({ reason: 'destroyed', message: 'Destroyed.' });
    },
    detach: () => clearInterval(watch),
  };
};

/** The members that a provider must have, and not one more. */
export const openPoor = (root: string, deployment: string): Provider => {
  const vendor = openVendor(root);
  const handles = new Set<VendorHandle>();
  const keep = (box: Box): VendorHandle => {
    const handle = toHandle(vendor, box);
    handles.add(handle);
    void handle.ended.then(() => handles.delete(handle));
    return handle;
  };
  const find = async (ref: string): Promise<Box> => {
    const box = await asked(vendor.get(ref));
    if (box.labels.deployment === deployment) return box;
    throw new AppError('NOT_FOUND', 'The poor vendor has no such sandbox.');
  };
  let creations = 0;
  return {
    name: 'poor',
    capabilities,
    health: async () => ({ status: 'healthy', reason: null }),
    async create({ id, env, expiresAt }) {
      const ask = () => vendor.create({ deployment, id }, { ...env }, expiresAt);
      const [box] = await Promise.all(creations++ % 2 === 0 ? [ask(), ask()] : [ask()]);
      // A request that was sent again on its way made a twin: the label tells.
      for (const twin of await vendor.list())
        if (twin.labels.id === id && twin.ref !== box.ref) await vendor.destroy(twin.ref);
      return keep(box);
    },
    connect: async (ref) => keep(await find(ref)),
    list: async () =>
      (await vendor.list())
        .filter(({ labels }) => labels.deployment === deployment)
        .map(({ ref, labels, createdAt, endsAt }) => ({
          ref,
          id: labels.id ?? '',
          deployment,
          createdAt,
          expiresAt: endsAt,
          state: 'running',
        })),
    async destroy(ref) {
      await find(ref);
      await vendor.destroy(ref);
    },
    async dispose() {
      for (const handle of handles) handle.detach?.();
    },
  };
};
