import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { ResourceLimits } from '../types/sandbox.ts';
import { AGENT_COMMAND, bwrapArguments, type Rootfs } from './bwrap.ts';

const START_TIMEOUT_MS = 20_000;

/** A supervisor inside bwrap, which holds it back until it is let go. */
export type Launched = {
  /** Of bwrap; 0 when it could not be started at all. */
  pid: number;
  /** Of the first process of the sandbox. */
  inner(): Promise<number>;
  unblock(): void;
  /** The outcome of `work`, or why the start failed, also when it takes too long. */
  whileStarting<Value>(work: Promise<Value>): Promise<Value>;
  /** The start has succeeded: what remains of it here is let go of. */
  detach(): void;
};

export type LaunchOptions = {
  dir: string;
  uid: number;
  limits: ResourceLimits;
  rootfs: Rootfs;
  seccompFile: string;
  /** Aborted: nobody waits for it any more. */
  signal?: AbortSignal | undefined;
};

const limitArguments = ({ diskBytes, processes }: ResourceLimits, isRoot: boolean): string[] => [
  '--core=0',
  '--nofile=4096:4096',
  `--fsize=${diskBytes}`,
  // Outside it counts everything of that user: fair only where the sandbox has a user of its own.
  ...(isRoot ? [`--nproc=${processes + 64}`] : []),
];

/** Set inside, the limit counts the sandbox's own user namespace (Linux 5.14 and newer). */
const innerLimit = ({ processes }: ResourceLimits, isRoot: boolean): string[] =>
  isRoot ? [] : ['/usr/bin/prlimit', `--nproc=${processes + 24}`];

/** bwrap writes the pid of the sandbox's first process on the info descriptor as JSON. */
const readInnerPid = (stream: Duplex): Promise<number> =>
  new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
      const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
      if (pid) resolve(Number(pid));
    });
    stream.once('close', () => reject(new Error('bwrap ended early')));
  });

/** What bwrap said, for people; nothing of a program's stack. Empty when its folder has been removed already. */
const readLog = (dir: string): string => {
  try {
    const lines = readFileSync(join(dir, 'log'), 'utf8').split('\n');
    return (lines.find((line) => /^(bwrap|prlimit|\w*Error)\b/.test(line)) ?? '').slice(0, 300);
  } catch {
    return '';
  }
};

const unavailable = (message: string): AppError => new AppError('UNAVAILABLE', message);

/** Rejects when bwrap cannot be started or ends. */
const failureOf = (child: ChildProcess, dir: string): Promise<never> =>
  new Promise((_, reject) => {
    child.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      reject(
        unavailable(code === 'ENOENT' ? 'prlimit is not installed: install util-linux.' : message),
      ),
    );
    child.once('exit', () =>
      reject(
        unavailable(
          `The sandbox did not start: ${readLog(dir) || 'bwrap ended'}. Run "sandbank doctor".`,
        ),
      ),
    );
  });

/** Descriptors: 3 arguments, 4 filter, 5 information from bwrap, 6 which it waits for. */
const spawnBwrap = (
  { dir, uid, limits, seccompFile }: LaunchOptions,
  argsFile: string,
): ChildProcess => {
  const isRoot = process.getuid?.() === 0;
  const [args, filter, log] = [
    openSync(argsFile, 'r'),
    openSync(seccompFile, 'r'),
    openSync(join(dir, 'log'), 'a', 0o600),
  ] as const;
  const options = ['--args', '3', '--seccomp', '4', '--info-fd', '5', '--block-fd', '6'];
  const command = [...innerLimit(limits, isRoot), ...AGENT_COMMAND];
  try {
    return spawn(
      'prlimit',
      [...limitArguments(limits, isRoot), 'bwrap', ...options, '--', ...command],
      {
        cwd: '/',
        // What bwrap is started with can be read inside as /proc/1/environ: nothing of the server's may be in it.
        env: { PATH: '/usr/bin:/bin' },
        detached: true,
        stdio: ['ignore', log, log, args, filter, 'pipe', 'pipe'],
        ...(isRoot ? { uid, gid: uid } : {}),
      },
    );
  } finally {
    for (const fd of [args, filter, log]) closeSync(fd);
  }
};

export const launch = (options: LaunchOptions): Launched => {
  const { dir, rootfs, signal } = options;
  const argsFile = join(dir, 'args');
  writeFileSync(argsFile, bwrapArguments(rootfs).join('\0'));
  const child = spawnBwrap(options, argsFile);
  // The types end at five descriptors.
  const [info, block] = (child.stdio as readonly unknown[]).slice(5) as [Duplex, Duplex];
  // One that ends while it is told something: its exit is what counts.
  for (const pipe of [info, block]) pipe?.on('error', () => undefined);
  const failed = failureOf(child, dir);
  failed.catch(() => undefined);
  const late = sleep(START_TIMEOUT_MS, undefined, { ref: false }).then(() =>
    Promise.reject(unavailable('The sandbox did not start in time.')),
  );
  late.catch(() => undefined);
  const cut = Promise.withResolvers<never>();
  cut.promise.catch(() => undefined);
  const abort = (): void => cut.reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  return {
    pid: child.pid ?? 0,
    inner: () => readInnerPid(info),
    unblock: () => void block.end('1'),
    whileStarting: (work) => Promise.race([work, failed, late, cut.promise]),
    detach() {
      signal?.removeEventListener('abort', abort);
      child.unref();
      rmSync(argsFile);
    },
  };
};
