import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findBinary } from './binaries.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { type Folder, openFolder } from './folder.ts';
import { findFreePort } from './port.ts';
import { poll, processesIn, signalProcess } from './processes.ts';
import { isRoot, type User, unprivilegedUser } from './user.ts';

const run = promisify(execFile);

export type PostgresOptions = {
  port?: number;
  /** Starts as a streaming replica of this one, with its content. */
  replicaOf?: PostgresService;
  /** As in postgresql.conf, for example `synchronous_standby_names`. */
  settings?: Record<string, string>;
};
export type PostgresService = {
  url: string;
  dataDir: string;
  pid(): number;
  /** Ends it in order and removes its data. */
  stop(): Promise<void>;
  /** Ends all of its processes at once, as a crash would; its data stay for `restart`. */
  kill(): Promise<void>;
  /** On the same port with the same data. */
  restart(): Promise<void>;
  /** Makes a replica a server of its own that takes writes. */
  promote(): Promise<void>;
};

const START_MS = 30_000;
const SUPERUSER = 'postgres';

/** Without fsync only a crash of the machine loses data, not one of PostgreSQL. */
const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
};

/** Runs a command of PostgreSQL to its end, never as root. */
const command = async (
  name: string,
  args: string[],
  user: User | undefined,
  env: Record<string, string> = {},
): Promise<void> => {
  const identity = user ? { uid: user.uid, gid: user.gid } : {};
  await run(await findBinary(name), args, {
    ...identity,
    cwd: '/',
    env: { ...process.env, ...env },
  });
};

/** Makes the data directory; a new one with a password of its own, a replica with that of its primary. */
const createDataDir = async (
  folder: Folder,
  user: User | undefined,
  primary: PostgresService | undefined,
): Promise<{ dataDir: string; password: string }> => {
  const dataDir = await folder.make('data', user);
  if (primary) {
    const { port, password } = new URL(primary.url);
    const from = ['-h', '127.0.0.1', '-p', port, '-U', SUPERUSER];
    const how = ['-D', dataDir, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'];
    await command('pg_basebackup', [...from, ...how], user, { PGPASSWORD: password });
    return { dataDir, password };
  }
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder.path, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) await chown(passwordFile, user.uid, user.gid);
  const access = ['-U', SUPERUSER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  const content = ['-E', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'];
  await command('initdb', ['-D', dataDir, ...access, ...content], user);
  return { dataDir, password };
};

const query = async (url: string, sql: string): Promise<void> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
};

/** Resolves when it answers a query; the port may be taken, and a replica has to catch up first. */
const waitUntilReady = (daemon: Daemon, url: string): Promise<true> =>
  poll('PostgreSQL did not start', START_MS, async () => {
    if (!daemon.isRunning()) throw new Error(`PostgreSQL did not start: ${daemon.log()}`);
    return query(url, 'select 1').then(
      () => true as const,
      () => undefined,
    );
  });

/** A PostgreSQL on a free port of 127.0.0.1, in a temporary folder, never as root. */
export const startPostgres = async (options: PostgresOptions = {}): Promise<PostgresService> => {
  const file = await findBinary('postgres');
  const user = isRoot ? unprivilegedUser() : undefined;
  const folder = await openFolder('postgres');
  const { dataDir, password } = await createDataDir(folder, user, options.replicaOf);
  const port = options.port ?? (await findFreePort());
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`;
  const settings = Object.entries({ ...defaults, ...options.settings });
  const args = ['-D', dataDir, '-p', `${port}`];
  for (const [name, value] of settings) args.push('-c', `${name}=${value}`);
  const start = async (): Promise<Daemon> => {
    const logFile = join(folder.path, 'postgres.log');
    const started = startDaemon({
      // SIGINT is the fast shutdown: it does not wait for clients.
      ...{ file, args, cwd: dataDir, logFile, stopSignal: 'SIGINT' },
      ...(user ? { user } : {}),
    });
    await waitUntilReady(started, url);
    return started;
  };
  let daemon = await start();
  const kill = async (): Promise<void> => {
    await daemon.kill();
    await poll('PostgreSQL did not end', START_MS, () => {
      const left = processesIn(dataDir);
      for (const pid of left) signalProcess(pid, 'SIGKILL');
      return left.length === 0 || undefined;
    });
  };
  return {
    url,
    dataDir,
    pid: () => daemon.pid,
    kill,
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
    async stop() {
      await daemon.stop();
      await kill();
      folder.remove();
    },
    promote: () => query(url, 'select pg_promote(true, 30)'),
  };
};
