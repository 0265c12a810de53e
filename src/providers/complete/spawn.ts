import { AppError } from '../../errors.ts';
import { newId } from '../../lib/ids.ts';
import type { SandboxFiles } from '../types/files.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { SandboxProcess, SpawnSpec, StartSpec, VendorProcess } from '../types/process.ts';
import { completeProcess, type ProcessContext } from './process.ts';
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
}) => {
  const { capabilities, call, unsupported } = context;
  /** By id: the process, the attempt to start it, or the failure of which nobody knows what it left. */
  const known = new Map<string, Promise<SandboxProcess>>();

  const remember = (id: string, work: Promise<SandboxProcess>): Promise<SandboxProcess> => {
    known.set(id, work);
    work.then(
      ({ exit }) => exit.then(() => known.delete(id)),
      (error: AppError) => {
        if (error.details.ambiguous !== true) known.delete(id);
      },
    );
    return work;
  };

  /** A file that the shell opens as standard input and unlinks at once. */
  const fromFile = async (spec: SpawnSpec, input: Uint8Array): Promise<SpawnSpec> => {
    const path = `/tmp/.sandbank-${newId('cmd')}`;
    await files.write(path, [input], { permissions: 0o600 });
    const script = 'exec < "$0"; rm -f "$0"; exec "$@"';
    return { ...spec, argv: ['sh', '-c', script, path, ...spec.argv], stdin: false };
  };

  /** `timeout` in the sandbox, where the vendor has no timeout of its own; the server is the backstop of both. */
  const withTimeout = async (spec: SpawnSpec): Promise<SpawnSpec> => {
    const { timeoutMs, argv, pty } = spec;
    if (timeoutMs === undefined || pty || capabilities.limits.time === 'enforced') return spec;
    const { has } = await shell.tools();
    if (!has('timeout')) return spec;
    const seconds = String(timeoutMs / 1_000);
    return { ...spec, argv: ['timeout', '-s', 'KILL', seconds, ...argv] };
  };

  const start = async ({ input, ...asked }: StartSpec): Promise<SandboxProcess> => {
    const { id, timeoutMs } = asked;
    if (asked.pty && capabilities.pty === 'none') throw unsupported('pty');
    const hasStdin = capabilities.stdin === 'native';
    let spec: SpawnSpec = hasStdin ? asked : { ...asked, stdin: false };
    if (input) spec = hasStdin ? { ...spec, stdin: true } : await fromFile(spec, input);
    spec = await withTimeout(spec);
    const startedAt = Date.now();
    const withdraw = (late: VendorProcess): void => {
      // Nobody was told of it: it must not run on unseen.
      completeProcess(late, { id, after: 0, timeoutMs: undefined, startedAt }, context)
        .signal('SIGKILL')
        .catch(() => undefined);
    };
    let vendor: VendorProcess;
    try {
      const ask = async (signal: AbortSignal): Promise<VendorProcess> =>
        handle.spawn(spec, signal).catch((error: unknown) => {
          throw error instanceof AppError ? error : ambiguous(id, provider, error);
        });
      vendor = await call.once('spawn', ask, { onLate: withdraw });
    } catch (error) {
      throw isAmbiguous(error) ? ambiguous(id, provider, error) : error;
    }
    const process = completeProcess(vendor, { id, after: 0, timeoutMs, startedAt }, context);
    if (input && hasStdin) {
      // A process that has ended, or does not read, decides that itself: its exit is the answer.
      process
        .write(input)
        .then(() => process.closeStdin())
        .catch(() => undefined);
    }
    return process;
  };

  return {
    spawn: (spec: StartSpec): Promise<SandboxProcess> =>
      known.get(spec.id) ?? remember(spec.id, start(spec)),
    async attach(id: string, ref: string, after: number): Promise<SandboxProcess> {
      const { attach } = handle;
      if (!attach || capabilities.reattach === 'none') {
        const running = known.get(id);
        if (running !== undefined) return running;
        throw new AppError(
          'NOT_FOUND',
          `The process ${id} cannot be found again at the provider "${provider}".`,
        );
      }
      const vendor = await call.idempotent('attach', (signal) => attach(ref, after, signal));
      const options = { id, after, timeoutMs: undefined, startedAt: Date.now() };
      return remember(id, Promise.resolve(completeProcess(vendor, options, context)));
    },
  };
};
