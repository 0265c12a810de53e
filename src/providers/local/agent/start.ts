import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, statSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { fail } from './fail.ts';
import type { Pipe } from './pipes.ts';

export type StartOptions = {
  argv: [string, ...string[]];
  cwd: string;
  env: Record<string, string>;
};
export type Started = {
  pid: number | null;
  pause(): void;
  resume(): void;
  write(bytes: Buffer): Promise<void>;
  closeStdin(): void;
  resize(cols: number, rows: number): void;
  /** The process was killed: do not wait for others that hold its output open. */
  abandon(): void;
};
type Push = (stream: string, bytes: Buffer) => void;
type OnExit = (code: number | null, signal: string | null) => void;

/** After the exit, a background child may hold the pipes open for ever: its output of this long is still taken. */
const DRAIN_MS = 200;

const checkDirectory = (cwd: string): void => {
  const found = (() => {
    try {
      return statSync(cwd);
    } catch {
      return null;
    }
  })();
  if (!found?.isDirectory())
    throw fail('EINVAL', `the working directory ${cwd} is not a directory`);
};

/** What is started inherits a higher score: when memory runs out, the supervisor is the last to be chosen. */
const expendable = <Result>(start: () => Result): Result => {
  const score = (value: number): void => {
    try {
      writeFileSync('/proc/self/oom_score_adj', String(value));
    } catch {
      // Then it is as likely as the others.
    }
  };
  score(500);
  try {
    return start();
  } finally {
    score(0);
  }
};

export const startPipes = async (
  options: StartOptions & { stdin: boolean },
  pipes: { take(): Pipe },
  push: Push,
  onExit: OnExit,
): Promise<Started> => {
  checkDirectory(options.cwd);
  const [file, ...args] = options.argv;
  const [out, err] = [pipes.take(), pipes.take()];
  const child = expendable(() =>
    spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: [options.stdin ? 'pipe' : 'ignore', out.write, err.write],
    }),
  );
  for (const fd of [out.write, err.write]) closeSync(fd);
  const { stdin } = child;
  const outputs = (
    [
      ['stdout', out],
      ['stderr', err],
    ] as const
  ).map(([stream, { read }]) => {
    const socket = new Socket({ fd: read, readable: true, writable: false });
    socket.on('data', (bytes: Buffer) => push(stream, bytes));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      open -= 1;
      if (open === 0) finish();
    });
    return socket;
  });
  let open = outputs.length;
  let closed = false;
  let paused = false;
  let result: [number | null, string | null] | null = null;
  const finish = (): void => {
    // Held back, what it wrote last is still in the pipe: `resume` comes here again.
    if (closed || !result || (paused && open > 0)) return;
    closed = true;
    for (const socket of outputs) socket.destroy();
    stdin?.destroy();
    onExit(...result);
  };
  stdin?.on('error', () => undefined);
  child.once('exit', (code, signal) => {
    result = [code, signal];
    if (open === 0) finish();
    else setTimeout(finish, DRAIN_MS);
  });
  child.once('error', (error: NodeJS.ErrnoException) => {
    if (child.pid !== undefined) return;
    // As a shell does: 127 for what is not there, 126 for what cannot run.
    push(
      'stderr',
      Buffer.from(`${file}: ${error.code === 'ENOENT' ? 'command not found' : 'cannot execute'}\n`),
    );
    result = [error.code === 'ENOENT' ? 127 : 126, null];
    finish();
  });
  return {
    pid: child.pid ?? null,
    pause: () => {
      paused = true;
      for (const socket of outputs) socket.pause();
    },
    resume: () => {
      paused = false;
      for (const socket of outputs) socket.resume();
      if (result) setTimeout(finish, DRAIN_MS);
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (!stdin || stdin.writableEnded || stdin.destroyed)
          return reject(fail('EPIPE', 'stdin is closed'));
        stdin.write(bytes, (error) =>
          error ? reject(fail('EPIPE', 'the process has closed its stdin')) : resolve(),
        );
      }),
    closeStdin: () => void stdin?.end(),
    resize: () => {
      throw fail('EINVAL', 'the process has no terminal');
    },
    abandon: () => setTimeout(finish, DRAIN_MS).unref(),
  };
};

const executable = (file: string, path: string): boolean =>
  (file.includes('/') ? [file] : path.split(':').map((folder) => join(folder, file))).some(
    (candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return statSync(candidate).isFile();
      } catch {
        return false;
      }
    },
  );

export const startPty = async (
  options: StartOptions & { pty: { cols: number; rows: number } },
  push: Push,
  onExit: OnExit,
): Promise<Started> => {
  checkDirectory(options.cwd);
  const [file, ...args] = options.argv;
  if (!executable(file, options.env.PATH ?? '')) throw fail('EINVAL', `${file}: command not found`);
  const { spawn: spawnPty } = await import('@lydell/node-pty');
  const pty = expendable(() =>
    spawnPty(file, args, {
      ...options.pty,
      name: options.env.TERM ?? 'xterm-256color',
      cwd: options.cwd,
      env: options.env,
      encoding: null,
    }),
  );
  const names = Object.entries((await import('node:os')).constants.signals);
  let ended = false;
  pty.onData((data) => push('pty', Buffer.from(data)));
  pty.onExit(({ exitCode, signal }) => {
    ended = true;
    onExit(signal ? null : exitCode, names.find(([, number]) => number === signal)?.[0] ?? null);
  });
  return {
    pid: pty.pid,
    pause: () => pty.pause(),
    resume: () => pty.resume(),
    write: async (bytes) => {
      if (ended) throw fail('EPIPE', 'the terminal has ended');
      // Bytes pass through as they are; the type says string only.
      pty.write(bytes as unknown as string);
    },
    // End of file in a terminal is a character (VEOF).
    closeStdin: () => pty.write('\u0004'),
    resize: (cols, rows) => {
      if (ended) throw fail('ESRCH', 'the terminal has ended');
      try {
        pty.resize(cols, rows);
      } catch {
        // Its descriptor closes a moment before its exit is known.
        throw fail('ESRCH', 'the terminal has ended');
      }
    },
    abandon: () => undefined,
  };
};
