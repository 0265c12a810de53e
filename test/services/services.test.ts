import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareBaseImage } from './base-image.ts';
import { installPackages } from './binaries.ts';
import { dockerRequest } from './docker-request.ts';
import { openFolder } from './folder.ts';
import { isAlive, poll } from './processes.ts';
import { serviceNames, startServices } from './services.ts';

const variables = [
  'SANDBANK_TEST_POSTGRES_URL',
  'SANDBANK_TEST_REDIS_URL',
  'SANDBANK_TEST_DOCKER_HOST',
  'SANDBANK_TEST_DOCKER_IMAGE',
];
/** This environment without the services that another project's set-up may have put there. */
const fresh = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !variables.includes(name)),
);

const parentOf = (pid: number): number => {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
};
const descendantsOf = (pid: number): number[] => {
  const parents = globSync('/proc/[0-9]*').map((path) => {
    const child = Number(path.slice('/proc/'.length));
    return { child, parent: parentOf(child) };
  });
  const below = (one: number): number[] =>
    parents.filter(({ parent }) => parent === one).flatMap(({ child }) => [child, ...below(child)]);
  return below(pid);
};
const foldersOf = (pid: number): string[] => globSync(`/tmp/sandbank-${pid}-*`);

/** Programs that a failed test left running. */
const programs: ChildProcess[] = [];

/** The limits that an engine sets by default need a capability that root in a virtual machine often lacks. */
const Ulimits = [
  { Name: 'nofile', Soft: 1_024, Hard: 20_000 },
  { Name: 'nproc', Soft: 4_096, Hard: 4_096 },
];

/** The program of `npm run services`, up to the point where it has printed where everything is. */
const startProgram = async (): Promise<{ child: ChildProcess; env: Record<string, string> }> => {
  const child = spawn(process.execPath, ['test/services/main.ts'], {
    env: fresh,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  programs.push(child);
  const env: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name = '', value = ''] = /^export (\w+)=(\S+)$/.exec(line) ?? [];
    env[name] = value;
    if (Object.keys(env).length === variables.length) break;
  }
  return { child, env };
};

describe('npm run services', () => {
  let program: Awaited<ReturnType<typeof startProgram>>;
  let started: number[];
  // The first time on a machine, packages are installed and the base image is built.
  beforeAll(async () => {
    program = await startProgram();
    started = descendantsOf(program.child.pid ?? 0);
  }, 600_000);
  afterAll(() => programs.forEach((one) => void one.kill('SIGKILL')));

  it('prints where PostgreSQL, Redis and the Docker-compatible socket are', async () => {
    const { env } = program;
    expect(Object.keys(env).sort()).toEqual([...variables].sort());
    const client = new Client({ connectionString: env.SANDBANK_TEST_POSTGRES_URL });
    await client.connect();
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    const redis = new Redis(env.SANDBANK_TEST_REDIS_URL ?? '');
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
    const host = env.SANDBANK_TEST_DOCKER_HOST ?? '';
    expect(await dockerRequest(host, 'GET', '/_ping')).toEqual({ status: 200, text: 'OK' });
  });

  it('has the base image, in which a container runs as an ordinary user', async () => {
    const { SANDBANK_TEST_DOCKER_HOST: host = '', SANDBANK_TEST_DOCKER_IMAGE: image = '' } =
      program.env;
    const found = await dockerRequest(host, 'GET', `/v1.41/images/${image}/json`);
    expect(found.status).toBe(200);
    const Cmd = ['sh', '-c', 'id -u; pwd; touch made && ls; python3 -c "print(6 * 7)"; ps 1'];
    const created = await dockerRequest(host, 'POST', '/v1.41/containers/create', {
      ...{
        Image: image,
        Cmd,
        HostConfig: { NetworkMode: 'bridge', Memory: 2 ** 28, PidsLimit: 64, Ulimits },
      },
    });
    expect(created).toMatchObject({ status: 201 });
    const { Id } = JSON.parse(created.text) as { Id: string };
    const path = `/v1.41/containers/${Id}`;
    expect(await dockerRequest(host, 'POST', `${path}/start`)).toEqual({ status: 204, text: '' });
    const { text } = await dockerRequest(host, 'POST', `${path}/wait`);
    const logs = await dockerRequest(host, 'GET', `${path}/logs?stdout=1&stderr=1`);
    for (const line of ['1000', '/home/user', 'made', '42']) expect(logs.text).toContain(line);
    expect(JSON.parse(text)).toMatchObject({ StatusCode: 0 });
  });

  it('runs neither PostgreSQL nor Redis as root', () => {
    const servers = started.flatMap((pid) => {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      const uid = /^Uid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return /postgres|redis/.test(name) ? [{ name, uid: Number(uid) }] : [];
    });
    expect(new Set(servers.map(({ name }) => name))).toEqual(new Set(['postgres', 'redis-server']));
    expect(servers.filter(({ uid }) => uid === 0)).toEqual([]);
  });

  it('leaves no process and no file behind after Ctrl-C', async () => {
    const pid = program.child.pid ?? 0;
    expect(foldersOf(pid).length).toBe(3);
    program.child.kill('SIGINT');
    expect(await once(program.child, 'exit')).toEqual([0, null]);
    expect(started.length).toBeGreaterThan(5);
    expect(started.filter(isAlive)).toEqual([]);
    expect(foldersOf(pid)).toEqual([]);
  });

  it('leaves no process behind when it is killed, not a container either, and the next start removes its files', async () => {
    const { child, env } = await startProgram();
    const pid = child.pid ?? 0;
    const { SANDBANK_TEST_DOCKER_HOST: host = '', SANDBANK_TEST_DOCKER_IMAGE: Image } = env;
    const created = await dockerRequest(host, 'POST', '/v1.41/containers/create', {
      ...{ Image, Cmd: ['sleep', '600'], HostConfig: { NetworkMode: 'none', Ulimits } },
    });
    const { Id } = JSON.parse(created.text) as { Id: string };
    await dockerRequest(host, 'POST', `/v1.41/containers/${Id}/start`);
    const tree = descendantsOf(pid);
    expect(tree.map((one) => readFileSync(`/proc/${one}/comm`, 'utf8').trim())).toContain('sleep');
    expect(foldersOf(pid).length).toBe(3);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await poll('Its services did not end', 20_000, () => !tree.some(isAlive) || undefined);
    // Another run on this machine may have removed them already.
    (await openFolder('test')).remove();
    expect(foldersOf(pid)).toEqual([]);
  }, 60_000);
});

describe('the services of the tests', () => {
  it('are those that the environment names, and then none is started', async () => {
    const given = Object.fromEntries(variables.map((name) => [name, `given ${name}`]));
    const before = foldersOf(process.pid);
    const { env, stop } = await startServices(serviceNames, given);
    expect(env).toEqual(given);
    expect(foldersOf(process.pid)).toEqual(before);
    await stop();
  });

  it('refuse a Docker host without an image of it', async () => {
    const given = { SANDBANK_TEST_DOCKER_HOST: 'unix:///run/docker.sock' };
    await expect(startServices(['docker'], given)).rejects.toThrow(
      'SANDBANK_TEST_DOCKER_IMAGE must be set too where SANDBANK_TEST_DOCKER_HOST is set.',
    );
  });

  it('take the base image from the cache when it is there', async () => {
    const { store, name } = await prepareBaseImage();
    const made = statSync(store);
    expect((await prepareBaseImage()).store).toBe(store);
    expect(statSync(store)).toMatchObject({ ino: made.ino, birthtimeMs: made.birthtimeMs });
    expect(store.endsWith(name.replace(/^.*:/, '/'))).toBe(true);
  }, 600_000);

  it('name the line to run where packages are missing and the user is not root', async () => {
    // A machine without the packages: only what the script itself calls is on the PATH.
    const path = await mkdtemp(join(tmpdir(), 'sandbank-path-'));
    await symlink('/usr/bin/true', join(path, 'apt-get'));
    await writeFile(join(path, 'id'), '#!/bin/sh\necho 1000\n');
    await chmod(join(path, 'id'), 0o755);
    await expect(installPackages({ PATH: path })).rejects.toThrow(
      /^setup: please run: sudo apt-get update && sudo apt-get install -y --no-install-recommends bubblewrap .*redis-server podman/,
    );
    await rm(path, { recursive: true });
  });
});
