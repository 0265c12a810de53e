import { randomBytes } from 'node:crypto';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBinary } from './binaries.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { openFolder } from './folder.ts';
import { accepts, findFreePort } from './port.ts';
import { poll } from './processes.ts';
import { isRoot, unprivilegedUser } from './user.ts';

export type RedisService = {
  url: string;
  pid(): number;
  stop(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
};

const START_MS = 20_000;

/** A Redis on a free port of 127.0.0.1 that writes nothing to disk. */
export const startRedis = async (options: { port?: number } = {}): Promise<RedisService> => {
  const file = await findBinary('redis-server');
  const user = isRoot ? unprivilegedUser() : undefined;
  const folder = await openFolder('redis');
  const cwd = await folder.make('data', user);
  const port = options.port ?? (await findFreePort());
  const password = randomBytes(12).toString('hex');
  // In a file, since everybody on this machine sees the arguments of a process.
  const config = join(cwd, 'redis.conf');
  const lines = [`port ${port}`, 'bind 127.0.0.1', `requirepass ${password}`, 'save ""'];
  await writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  if (user) await chown(config, user.uid, user.gid);
  const start = async (): Promise<Daemon> => {
    const logFile = join(folder.path, 'redis.log');
    const started = startDaemon({
      ...{ file, args: [config], cwd, logFile, stopSignal: 'SIGTERM' },
      ...(user ? { user } : {}),
    });
    await poll('Redis did not start', START_MS, async () => {
      if (!started.isRunning()) throw new Error(`Redis did not start: ${started.log()}`);
      return (await accepts(port)) || undefined;
    });
    return started;
  };
  let daemon = await start();
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    pid: () => daemon.pid,
    kill: () => daemon.kill(),
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
    async stop() {
      await daemon.stop();
      folder.remove();
    },
  };
};
