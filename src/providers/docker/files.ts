import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { AppError, type ErrorCode } from '../../errors.ts';
import type { VendorFiles } from '../types/files.ts';
import { type Engine, inspectExec } from './engine.ts';
import { READ, WRITE } from './file-scripts.ts';
import { openSession, type Session } from './session.ts';

const BLOCK = 2 ** 20;
const ANSWER_MS = 60_000;

const REFUSALS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  missing: ['NOT_FOUND', 'there is nothing there. Check the path.'],
  notfile: ['INVALID_ARGUMENT', 'it is not a regular file.'],
  notdir: ['INVALID_ARGUMENT', 'a part of the path is not a directory.'],
  denied: [
    'FORBIDDEN',
    'the user of the sandbox may not do that there; its own folders are /home/user and /tmp.',
  ],
  exists: [
    'ALREADY_EXISTS',
    'there is something already. Choose another path, or allow replacing.',
  ],
  changed: ['PRECONDITION_FAILED', 'it has other content. Read it again and retry with its hash.'],
  full: ['NO_SPACE', 'the disk of the sandbox is full. Remove files first.'],
};

const refusal = (path: string, word: string): AppError => {
  const known = Object.hasOwn(REFUSALS, word) ? REFUSALS[word] : undefined;
  return known
    ? new AppError(known[0], `${path.slice(0, 500)}: ${known[1]}`)
    : new AppError('UNAVAILABLE', `${path.slice(0, 500)}: the sandbox gave no answer. Try again.`);
};

async function* blocks(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  for await (const chunk of content)
    for (let at = 0; at < chunk.length; at += BLOCK) yield chunk.subarray(at, at + BLOCK);
}

/** The next line after the greeting, null at the end. */
const readWord = async ({ pieces }: Session): Promise<string> => {
  let text = '';
  for await (const { stream, bytes } of pieces) {
    if (stream !== 'stdout') continue;
    text += bytes.toString('latin1');
    if (text.includes('\n') || text.length > 100) break;
  }
  return text.trim();
};

const send = async (
  socket: Duplex,
  bytes: Uint8Array,
  refused: Promise<unknown>,
): Promise<void> => {
  if (!socket.write(bytes))
    await Promise.race([once(socket, 'drain').catch(() => undefined), refused]);
};

type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

const upload = async (
  path: string,
  session: Session,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  inTurn: Turn,
): Promise<void> => {
  const { socket } = session;
  let word: string | undefined;
  // A refusal may come half-way, such as that of a full disk: then there is nobody left to write to.
  const answer = readWord(session)
    .catch(() => '')
    .then((text) => {
      word = text;
      return text;
    });
  for await (const block of blocks(content)) {
    if (word !== undefined) throw refusal(path, word);
    const head = Buffer.from(`${block.length}\n`);
    await send(socket, Buffer.concat([head, block]), answer);
  }
  const last = await inTurn(async () => {
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS);
    await send(socket, Buffer.from('commit\n'), answer);
    return answer.finally(() => clearTimeout(timer));
  });
  if (last !== 'done') throw refusal(path, last);
};

/** Files by commands that run as the user of the sandbox, with its rights: the engine's own way is that of root, and needs sizes beforehand. */
export const createFiles = (engine: Engine, ref: string): VendorFiles => {
  /** One commit at a time, so that no other write comes between the check of a condition and what depends on it. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn: Turn = (work) => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };
  return {
    atomic: true,
    async *read(path, { offset = 0, length, signal } = {}) {
      const args = [path, String(offset), String(length ?? -1)];
      const session = await openSession(engine, ref, { script: READ, args, stdin: false }, signal);
      const { socket, pieces, execId } = session;
      const abort = (): void => void socket.destroy();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        if (session.greeting !== 'ok') throw refusal(path, session.greeting);
        for await (const { stream, bytes } of pieces) if (stream === 'stdout') yield bytes;
        const { exitCode } = await inspectExec(engine, execId, signal);
        if (exitCode !== 0)
          throw new AppError('UNAVAILABLE', `${path.slice(0, 500)}: reading broke off. Try again.`);
      } finally {
        signal?.removeEventListener('abort', abort);
        socket.destroy();
      }
    },
    async write(path, content, { mode = 'replace', permissions, ifMatch } = {}) {
      const args = [path, mode, permissions?.toString(8) ?? '-', ifMatch ?? '-'];
      const session = await openSession(engine, ref, { script: WRITE, args });
      const { socket, greeting } = session;
      try {
        if (greeting !== 'ready') throw refusal(path, greeting);
        await upload(path, session, content, inTurn);
      } finally {
        // Not only closed: some engines keep the input of a command open then, and it would wait for ever.
        if (!socket.destroyed) socket.end('abort\n');
        setTimeout(() => socket.destroy(), ANSWER_MS).unref();
      }
    },
  };
};
