import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import { AppError } from '../../errors.ts';
import { statusOf, toAppError } from './errors.ts';

/** An engine that is busy starts a container in seconds; one that is stopped never answers. */
const CALL_MS = 30_000;

/** The engine's API, where every call has a deadline and fails with an `AppError`. */
export type Engine = {
  docker: Docker;
  socketPath: string;
  /** `what` completes the sentence "The container engine could not …". */
  call<Result>(
    what: string,
    work: (options: { abortSignal: AbortSignal }) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result>;
};

export const openEngine = (socketPath: string): Engine => {
  // A connection that was kept from before a restart of the engine would fail the next call.
  const agent = new Agent({ keepAlive: false });
  const options: Docker.DockerOptions & { agent: Agent } = { socketPath, agent };
  const docker = new Docker(options);
  return {
    docker,
    socketPath,
    async call(what, work, signal) {
      const deadline = AbortSignal.timeout(CALL_MS);
      const abortSignal = signal ? AbortSignal.any([signal, deadline]) : deadline;
      const aborted = Promise.withResolvers<never>();
      aborted.promise.catch(() => undefined);
      const abort = (): void =>
        aborted.reject(
          new AppError(
            'UNAVAILABLE',
            deadline.aborted
              ? `The container engine at ${socketPath} did not ${what} within ${CALL_MS / 1_000} seconds. Check that it runs, then retry.`
              : `The container engine at ${socketPath} was asked to ${what}, but the call was cancelled.`,
          ),
        );
      abortSignal.addEventListener('abort', abort, { once: true });
      try {
        if (abortSignal.aborted) abort();
        else return await Promise.race([aborted.promise, work({ abortSignal })]);
        return await aborted.promise;
      } catch (error) {
        throw toAppError(error, what, socketPath);
      } finally {
        abortSignal.removeEventListener('abort', abort);
      }
    },
  };
};

/** podman answers 201 where Docker answers 200, which dockerode takes for a failure. */
export const acceptCreated = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (statusOf(error) !== 201) throw error;
  }
};

/** A question that dockerode has no cancellable call for. */
export const get = (
  { docker }: Engine,
  path: string,
  { abortSignal }: { abortSignal: AbortSignal },
): Promise<unknown> =>
  new Promise((resolve, reject) => {
    docker.modem.dial(
      { path, method: 'GET', abortSignal, statusCodes: { 200: true } },
      (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer)),
    );
  });

export type ExecOptions = {
  argv: readonly string[];
  env?: Readonly<Record<string, string>>;
  tty?: boolean;
  stdin?: boolean;
};

/** Prepares a command in the container, which does not run yet. */
export const createExec = async (
  { docker, call }: Engine,
  ref: string,
  { argv, env = {}, tty = false, stdin = true }: ExecOptions,
  signal?: AbortSignal,
): Promise<string> => {
  const { id } = await call(
    'prepare a command',
    (options) =>
      docker.getContainer(ref).exec({
        ...options,
        Cmd: [...argv],
        Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
        Tty: tty,
        AttachStdin: stdin,
        AttachStdout: true,
        AttachStderr: true,
      }),
    signal,
  );
  return id;
};

/** Starts it; the stream carries its input and output, and is the caller's to destroy. */
export const startExec = (
  { docker, call }: Engine,
  id: string,
  tty: boolean,
  signal?: AbortSignal,
): Promise<Duplex> => {
  // The signal of the call must not reach the stream, which outlives the call.
  const start = new AbortController();
  return call(
    'start a command',
    async ({ abortSignal }) => {
      const abort = (): void => start.abort();
      abortSignal.addEventListener('abort', abort, { once: true });
      try {
        const options = { hijack: true, stdin: true, Detach: false, Tty: tty };
        const stream = await docker.getExec(id).start({ ...options, abortSignal: start.signal });
        stream.on('error', () => undefined);
        if (start.signal.aborted) stream.destroy();
        return stream;
      } finally {
        abortSignal.removeEventListener('abort', abort);
      }
    },
    signal,
  );
};

export type ExecState = { isRunning: boolean; exitCode: number | null };

export const inspectExec = async (
  { docker, call }: Engine,
  id: string,
  signal?: AbortSignal,
): Promise<ExecState> => {
  const state = await call(
    'say how a command ended',
    (options) => docker.getExec(id).inspect(options),
    signal,
  );
  const code: unknown = state.ExitCode;
  return {
    isRunning: state.Running === true,
    exitCode: typeof code === 'number' && Number.isInteger(code) ? code & 255 : null,
  };
};
