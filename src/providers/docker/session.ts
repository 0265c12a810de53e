import type { Duplex } from 'node:stream';
import { AppError } from '../../errors.ts';
import { createExec, type Engine, type ExecOptions, startExec } from './engine.ts';
import { statusOf, toAmbiguous } from './errors.ts';
import { createFrames, type Piece } from './frames.ts';

const GREETING_MS = 30_000;
const MAX_GREETING = 256;

/** A command that has begun to talk: all of ours say in their first line how it went. */
export type Session = {
  execId: string;
  /** Without the end of the line. */
  greeting: string;
  socket: Duplex;
  /** What follows; can be read once. Rejects when the connection breaks off. */
  pieces: AsyncIterableIterator<Piece>;
};

export type SessionOptions = Omit<ExecOptions, 'argv'> & {
  script: string;
  args: readonly string[];
};

async function* readPieces(socket: Duplex, tty: boolean): AsyncGenerator<Piece> {
  const decode = createFrames(tty);
  for await (const chunk of socket) yield* decode(chunk as Buffer);
}

/** The first line, and what came behind it. */
const readGreeting = async (
  pieces: AsyncGenerator<Piece>,
): Promise<{ greeting: string; rest: Piece | null }> => {
  let text = Buffer.alloc(0);
  let words = '';
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    const { stream, bytes } = next.value;
    if (stream === 'stderr') {
      words = (words + bytes.toString()).slice(-MAX_GREETING);
      continue;
    }
    text = Buffer.concat([text, bytes]);
    const end = text.indexOf('\n');
    if (end >= 0) {
      const greeting = text.subarray(0, end).toString('latin1').trim();
      return { greeting, rest: { stream, bytes: text.subarray(end + 1) } };
    }
    if (text.length > MAX_GREETING) break;
  }
  throw new AppError(
    'UNAVAILABLE',
    `The container could not start the command; the sandbox may have reached its limit of processes or memory, or its image has no /bin/sh. ${words.trim()}`.trim(),
  );
};

async function* behind(rest: Piece | null, pieces: AsyncGenerator<Piece>): AsyncGenerator<Piece> {
  if (rest && rest.bytes.length > 0) yield rest;
  yield* pieces;
}

/** Starts a script of ours in the container and waits for its first line. After a failure that is not ambiguous it does not run. */
export const openSession = async (
  engine: Engine,
  ref: string,
  { script, args, ...options }: SessionOptions,
  signal?: AbortSignal,
): Promise<Session> => {
  const tty = options.tty ?? false;
  const argv = ['/bin/sh', '-c', script, 'sandbank', ...args];
  const execId = await createExec(engine, ref, { ...options, argv }, signal);
  const socket = await startExec(engine, execId, tty, signal).catch((error: unknown) => {
    // An answer says that it was not started; silence says nothing.
    const isRefusal = error instanceof AppError && statusOf(error.cause) !== null;
    throw isRefusal || !(error instanceof AppError) ? error : toAmbiguous(error);
  });
  const deadline = AbortSignal.any([AbortSignal.timeout(GREETING_MS), ...(signal ? [signal] : [])]);
  const abort = (): void => void socket.destroy();
  deadline.addEventListener('abort', abort, { once: true });
  if (deadline.aborted) abort();
  try {
    const pieces = readPieces(socket, tty);
    const { greeting, rest } = await readGreeting(pieces);
    return { execId, greeting, socket, pieces: behind(rest, pieces) };
  } catch (error) {
    socket.destroy();
    if (error instanceof AppError && !deadline.aborted) throw error;
    throw toAmbiguous(
      new AppError('UNAVAILABLE', 'The container engine did not say whether the command started.', {
        cause: error,
      }),
    );
  } finally {
    deadline.removeEventListener('abort', abort);
  }
};

/** Runs a script of ours for its first line. */
export const ask = async (
  engine: Engine,
  ref: string,
  script: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> => {
  const session = await openSession(engine, ref, { script, args, stdin: false }, signal);
  session.socket.destroy();
  return session.greeting;
};

/** Runs a script of ours for all that it prints, at most `limit` bytes of it. */
export const collect = async (
  engine: Engine,
  ref: string,
  script: string,
  limit: number,
  signal?: AbortSignal,
): Promise<string> => {
  const begun = `echo begun; ${script}`;
  const { socket, pieces } = await openSession(
    engine,
    ref,
    { script: begun, args: [], stdin: false },
    signal,
  );
  const deadline = AbortSignal.any([AbortSignal.timeout(GREETING_MS), ...(signal ? [signal] : [])]);
  const abort = (): void => void socket.destroy();
  deadline.addEventListener('abort', abort, { once: true });
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const { stream, bytes } of pieces) {
      if (stream !== 'stdout') continue;
      parts.push(bytes);
      size += bytes.length;
      if (size >= limit) break;
    }
  } catch (error) {
    throw new AppError('UNAVAILABLE', 'The container engine did not give an answer. Try again.', {
      cause: error,
    });
  } finally {
    deadline.removeEventListener('abort', abort);
    socket.destroy();
  }
  return Buffer.concat(parts).subarray(0, limit).toString('latin1');
};
