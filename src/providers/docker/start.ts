import { AppError } from '../../errors.ts';
import type { SpawnSpec } from '../types/process.ts';
import type { Control } from './control.ts';
import type { Engine } from './engine.ts';
import { type ContainerProcess, createProcess } from './process.ts';
import { PROCESS_ID, RUN_PROCESS } from './scripts.ts';
import { openSession, type Session } from './session.ts';
import type { Watch } from './watch.ts';

type StartContext = { engine: Engine; ref: string; watch: Watch; control: Control };

const readPid = async ({ greeting, socket }: Session, spec: SpawnSpec): Promise<number> => {
  const [, pid] = /^pid (\d{1,10})$/.exec(greeting) ?? [];
  if (pid) return Number(pid);
  socket.destroy();
  if (greeting === 'cwd')
    throw new AppError(
      'INVALID_ARGUMENT',
      `The working directory "${spec.cwd?.slice(0, 500)}" is not a directory of the sandbox. Create it first, or choose another.`,
    );
  if (greeting === 'again')
    throw new AppError(
      'CONFLICT',
      `The process ${spec.id} was started before by a server that has since stopped, and this provider cannot attach to it. Start another process.`,
    );
  throw new AppError('UNAVAILABLE', 'The container did not say whether the process started.', {
    retryable: false,
    details: { ambiguous: true },
  });
};

/** Runs the program of `spec` in the container. */
export const startProcess = async (
  { engine, ref, watch, control }: StartContext,
  spec: SpawnSpec,
  signal: AbortSignal,
  onEnd: (execId: string) => void,
): Promise<ContainerProcess> => {
  const { id, argv, cwd = '.', pty, stdin = true, timeoutMs } = spec;
  const hasPty = pty !== undefined;
  const hasStdin = stdin || hasPty;
  const size = pty ? [String(pty.rows), String(pty.cols)] : ['0', '0'];
  const session = await openSession(
    engine,
    ref,
    {
      script: RUN_PROCESS,
      args: [id, cwd, hasStdin ? 'yes' : 'no', ...size, ...argv],
      env: { ...spec.env, [PROCESS_ID]: id },
      tty: hasPty,
      stdin: hasStdin,
    },
    signal,
  );
  const pid = await readPid(session, spec);
  return createProcess({
    ...{ engine, session, pid, hasPty, hasStdin, timeoutMs },
    onEnd: () => onEnd(session.execId),
    container: {
      cuts: watch.cuts,
      killTree: (root) => control.killTree(root, id),
      signalGroup: control.signalGroup,
      isAlive: control.isAlive,
      wasOutOfMemory: control.wasOutOfMemory,
    },
  });
};
