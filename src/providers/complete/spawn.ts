import { AppError } from '../../errors.ts';
import { newId } from '../../lib/ids.ts';
import { STANDARD_PATH } from '../../lib/standard-path.ts';
import type { SandboxFiles } from '../types/files.ts';
import type { SandboxHandle, VendorHandle } from '../types/handle.ts';
import type { SpawnSpec, StartSpec, VendorProcess } from '../types/process.ts';
import { feed } from './input.ts';
import { createKnown } from './known.ts';
import { vendorPositionOf } from './pieces.ts';
import { type CompleteProcess, completeProcess } from './process.ts';
import type { ProcessContext } from './process-context.ts';
import type { Shell } from './shell.ts';

/** Whether the process runs is not known: to try again could run it twice. */
const ambiguous = (id: string, provider: string, cause: unknown): AppError =>
  new AppError(
    'UNAVAILABLE',
    `The provider "${provider}" did not say whether it started the process ${id}. It may run; do not start it again without looking.`,
    { retryable: false, details: { ambiguous: true, provider }, cause },
  );
/** A refusal says that nothing was started; silence does not. */
const isAmbiguous = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'TIMEOUT' || error.details.ambiguous === true);

const letGo = (id: string): AppError =>
  new AppError(
    'UNAVAILABLE',
    `This server has let go of the sandbox of the process ${id}; its output is no longer read here.`,
  );
const takenOver = (id: string): AppError =>
  new AppError('UNAVAILABLE', `The process ${id} has been attached to anew.`);

/** Nobody was told of it: it must not run on unseen. */
const withdraw = async ({ process }: CompleteProcess): Promise<void> => {
  await process.signal('SIGKILL');
  for await (const _ of process.output);
  await process.exit;
  await process.release();
};

/** What the vendor is asked to start: with what it lacks done by the shell of the sandbox. */
const createAdapt = (
  files: Pick<SandboxFiles, 'write'>,
  shell: Shell,
  { capabilities, unsupported }: ProcessContext,
) => {
  /** A file that the shell opens as standard input and unlinks at once. */
  const fromFile = async (spec: SpawnSpec, input: Uint8Array): Promise<SpawnSpec> => {
    const path = `/tmp/.sandbank-${newId('cmd')}`;
    await files.write(path, [input], { permissions: 0o600 });
    const script = `exec < "$0"; PATH=${STANDARD_PATH} rm -f "$0"; exec "$@"`;
    return { ...spec, argv: ['/bin/sh', '-c', script, path, ...spec.argv], stdin: false };
  };
  /** `timeout` in the sandbox, where the vendor has no timeout of its own; the server is the backstop of both. */
  const withTimeout = async (spec: SpawnSpec): Promise<SpawnSpec> => {
    const { timeoutMs, argv, pty } = spec;
    if (timeoutMs === undefined || pty || capabilities.limits.time === 'enforced') return spec;
    const { has, pathOf } = await shell.tools();
    if (!has('timeout')) return spec;
    const seconds = String(timeoutMs / 1_000);
    return { ...spec, argv: [pathOf('timeout'), '-s', 'KILL', seconds, ...argv] };
  };
  return async ({ input, ...asked }: StartSpec): Promise<SpawnSpec> => {
    if (asked.pty && capabilities.pty === 'none') throw unsupported('pty');
    const hasStdin = capabilities.stdin === 'native';
    let spec: SpawnSpec = hasStdin ? asked : { ...asked, stdin: false };
    if (input) spec = hasStdin ? { ...spec, stdin: true } : await fromFile(spec, input);
    return withTimeout(spec);
  };
};

export const createSpawn = ({
  provider,
  handle,
  files,
  shell,
  context,
}: {
  provider: string;
  handle: VendorHandle;
  files: Pick<SandboxFiles, 'write'>;
  shell: Shell;
  context: ProcessContext;
}): Pick<SandboxHandle, 'spawn' | 'attach' | 'detach'> => {
  const { capabilities, call, log } = context;
  const known = createKnown();
  const adapt = createAdapt(files, shell, context);
  /** The vendor is being asked for these. */
  const attaching = new Map<string, Promise<unknown>>();
  let isDetached = false;

  /** Somebody has attached to the process meanwhile and records it, or another server may. */
  const isAdopted = async (id: string): Promise<boolean> => {
    await attaching.get(id)?.catch(() => undefined);
    const found = await known.find(id).catch(() => undefined);
    return isDetached || found !== undefined;
  };

  const start = async (asked: StartSpec, onRelease: () => void): Promise<CompleteProcess> => {
    const { id, timeoutMs, input } = asked;
    const spec = await adapt(asked);
    const startedAt = Date.now();
    const complete = (vendor: VendorProcess): CompleteProcess =>
      completeProcess(vendor, { id, after: 0, timeoutMs, startedAt, onRelease }, context);
    const onLate = (late: VendorProcess): void => {
      const settle = async (): Promise<void> => {
        if (!(await isAdopted(id))) await withdraw(complete(late));
      };
      settle().catch((error: unknown) =>
        log.warn({ err: error, process: id }, 'A process that started too late may run on.'),
      );
    };
    let vendor: VendorProcess;
    try {
      const ask = async (signal: AbortSignal): Promise<VendorProcess> =>
        handle.spawn(spec, signal).catch((error: unknown) => {
          throw error instanceof AppError ? error : ambiguous(id, provider, error);
        });
      vendor = await call.once('spawn', ask, { onLate });
    } catch (error) {
      throw isAmbiguous(error) ? ambiguous(id, provider, error) : error;
    }
    const made = complete(vendor);
    if (input && vendor.stdin) void feed(made.process, vendor.stdin, input, log);
    return made;
  };

  const attach = async (
    ...[id, ref, after, limit]: Parameters<SandboxHandle['attach']>
  ): Promise<CompleteProcess> => {
    if (!handle.attach || capabilities.reattach === 'none')
      throw new AppError(
        'NOT_FOUND',
        `The process ${id} cannot be found again at the provider "${provider}".`,
      );
    const { attach } = handle;
    const { timeoutMs, startedAt = Date.now() } = limit ?? {};
    const from = capabilities.reattach === 'replay' ? vendorPositionOf(after) : after;
    const vendor = await call.idempotent('attach', (signal) => attach(ref, from, signal));
    void known.find(id).then(
      (previous) => previous?.abandon(takenOver(id)),
      () => undefined,
    );
    return known.replace(id, async (onRelease) =>
      completeProcess(vendor, { id, after, timeoutMs, startedAt, onRelease }, context),
    );
  };

  return {
    async spawn(spec) {
      if (isDetached) throw letGo(spec.id);
      const { process } = await known.get(spec.id, (onRelease) => start(spec, onRelease));
      return process;
    },
    async attach(id, ref, after, limit) {
      if (isDetached) throw letGo(id);
      // What the vendor cannot give again is kept here until it is recorded.
      const running = capabilities.reattach === 'replay' ? undefined : await known.find(id);
      if (running) {
        running.skipTo(after);
        return running.process;
      }
      const work = attach(id, ref, after, limit);
      attaching.set(id, work);
      try {
        return (await work).process;
      } finally {
        if (attaching.get(id) === work) attaching.delete(id);
      }
    },
    detach() {
      isDetached = true;
      known.visit(({ process, abandon }) => abandon(letGo(process.id)));
      handle.detach?.();
    },
  };
};
