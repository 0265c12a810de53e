import { spawn } from 'node:child_process';
import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
const fail = (code: string, message: string): Error => Object.assign(new Error(message), { code });

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
  options: StartOptions,
  push: Push,
  onExit: OnExit,
): Promise<Started> => {
  checkDirectory(options.cwd);
  const [file, ...args] = options.argv;
  const child = expendable(() =>
    spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    }),
  );
  let closed = false;
  let result: [number | null, string | null] | null = null;
  const finish = (): void => {
    if (closed || !result) return;
    closed = true;
    child.stdout.destroy();
    child.stderr.destroy();
    onExit(...result);
  };
  child.stdout.on('data', (bytes: Buffer) => push('stdout', bytes));
  child.stderr.on('data', (bytes: Buffer) => push('stderr', bytes));
  child.stdin.on('error', () => undefined);
  child.once('exit', (code, signal) => {
    result = [code, signal];
    setTimeout(finish, DRAIN_MS);
  });
  child.once('close', finish);
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
  let stdinOpen = true;
  return {
    pid: child.pid ?? null,
    pause: () => {
      child.stdout.pause();
      child.stderr.pause();
    },
    resume: () => {
      child.stdout.resume();
      child.stderr.resume();
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (!stdinOpen || child.stdin.destroyed) return reject(fail('EPIPE', 'stdin is closed'));
        child.stdin.write(bytes, (error) =>
          error ? reject(fail('EPIPE', 'the process has closed its stdin')) : resolve(),
        );
      }),
    closeStdin: () => {
      stdinOpen = false;
      child.stdin.end();
    },
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
