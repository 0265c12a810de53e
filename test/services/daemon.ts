import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { onProcessExit } from './process-exit.ts';
import { signalProcess } from './processes.ts';
import { isRoot, type User } from './user.ts';

export type DaemonOptions = {
  file: string;
  args: readonly string[];
  /** Only root can start it as somebody else; anybody else starts it as themselves. */
  user?: User;
  cwd: string;
  logFile: string;
  env?: NodeJS.ProcessEnv;
  /** What ends it quickly and in order. */
  stopSignal: NodeJS.Signals;
};

export type Daemon = {
  pid: number;
  isRunning(): boolean;
  exited: Promise<void>;
  /** The end of what it logged. */
  log(): string;
  /** Ends it in order, or by force where it has not ended after some seconds. */
  stop(): Promise<void>;
  kill(): Promise<void>;
};

const STOP_MS = 10_000;

/**
 * Starts a program that ends with this process, however this process ends: the kernel sends it `stopSignal` then. It is
 * in a process group of its own, so that Ctrl-C in a terminal reaches the tests first.
 */
export const startDaemon = (options: DaemonOptions): Daemon => {
  const { user, stopSignal, logFile } = options;
  const log = openSync(logFile, 'a', 0o600);
  const identity = isRoot && user ? ['--reuid', `${user.uid}`, '--regid', `${user.gid}`] : [];
  const child = spawn(
    'setpriv',
    [
      ...identity,
      ...(identity.length ? ['--clear-groups'] : []),
      ...['--pdeathsig', stopSignal.replace('SIG', ''), '--', options.file, ...options.args],
    ],
    {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', log, log],
      detached: true,
    },
  );
  closeSync(log);
  let isRunning = child.pid !== undefined;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  }).then(() => {
    isRunning = false;
    forget();
  });
  const pid = child.pid ?? 0;
  const forget = onProcessExit(() => signalProcess(pid, 'SIGKILL'));
  // The tests must not wait for it, since it ends with them; who ends it waits.
  child.unref();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isRunning) return;
    child.ref();
    signalProcess(pid, signal);
    await exited;
  };
  const kill = (): Promise<void> => end('SIGKILL');
  return {
    pid,
    isRunning: () => isRunning,
    exited,
    log: () => readFileSync(logFile, 'utf8').slice(-2_000),
    kill,
    async stop() {
      const timer = setTimeout(kill, STOP_MS);
      await end(stopSignal);
      clearTimeout(timer);
    },
  };
};
