import { AppError } from '../../errors.ts';
import type { SandboxProcess, VendorProcess } from '../types/process.ts';
import { checkRef } from './check.ts';
import { watchExit } from './exit.ts';
import { openOutput } from './output.ts';
import type { ProcessContext } from './process-context.ts';

export type ProcessOptions = {
  id: string;
  /** The last recorded position, 0 for the start. */
  after: number;
  timeoutMs: number | undefined;
  /** Before the vendor was asked: its clock of `timeoutMs` began later than this. */
  startedAt: number;
  /** The exit was recorded, or nobody will read it. */
  onRelease(): void;
};

export type CompleteProcess = {
  process: SandboxProcess;
  /** What is recorded up to this position is not delivered again. */
  skipTo(position: number): void;
  /** Its output is read no more from here, and its timeout is no longer watched; whoever waits for it is told why. */
  abandon(error: AppError): void;
};

/** The whole process of a vendor's. */
export const completeProcess = (
  vendor: VendorProcess,
  { id, after, timeoutMs, startedAt, onRelease }: ProcessOptions,
  context: ProcessContext,
): CompleteProcess => {
  const { capabilities, call, unsupported, kill, log } = context;
  const isReplayed = capabilities.reattach === 'replay';
  const output = openOutput(vendor, { after, isReplayed, log });
  const send = async (name: string): Promise<void> => {
    if (hasExited())
      throw new AppError('TERMINATED', `The process ${id} has exited. Its exit can still be read.`);
    const { pid, signal } = vendor;
    if (signal) return call.once('control', () => signal(name));
    if (pid === null) throw unsupported('signals');
    return kill(pid, name);
  };
  const deadline = timeoutMs === undefined ? undefined : startedAt + timeoutMs;
  const { exit, hasExited, abandon } = watchExit(
    vendor,
    { id, output, deadline, kill: () => send('SIGKILL') },
    context,
  );
  const withStdin = <Value>(
    use: (stdin: NonNullable<VendorProcess['stdin']>) => Promise<Value>,
  ) => {
    if (!vendor.stdin) return Promise.reject(unsupported('stdin'));
    const { stdin } = vendor;
    return call.once('input', () => use(stdin));
  };
  const process: SandboxProcess = {
    id,
    ref: checkRef(vendor.ref) ?? id,
    get pid() {
      return vendor.pid;
    },
    output: output.output,
    exit,
    write: (bytes) => withStdin((stdin) => stdin.write(bytes)),
    closeStdin: () => withStdin((stdin) => stdin.close()),
    signal: send,
    async resize(size) {
      const { resize } = vendor;
      if (!resize) throw unsupported('pty');
      await call.once('control', () => resize(size));
    },
    async release() {
      onRelease();
      const { release } = vendor;
      if (release) await call.once('control', () => release());
    },
  };
  return {
    process,
    skipTo: output.skipTo,
    abandon(error) {
      abandon();
      output.abandon(error);
    },
  };
};
