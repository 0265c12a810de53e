import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fchownSync, openSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A vendor that can do as little as any: it runs a command to its end and then says what it wrote, decoded; it has text files, labels and a
 * fixed end; it is slow, and what it is asked may be done twice. Commands are isolated by bubblewrap.
 */
export type Box = {
  ref: string;
  labels: Record<string, string>;
  env: Record<string, string>;
  createdAt: number;
  endsAt: number;
};
export type RunResult = { exitCode: number; stdout: string; stderr: string };
export class VendorError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'VendorError';
    this.status = status;
  }
}

const LATENCY_MS = 30;
const USER = 60_123;
const isRoot = process.getuid?.() === 0;
/** Of all clients of one vendor, by the folder of the sandbox. */
const running = new Map<string, Set<ChildProcess>>();

const isolation = (dir: string): string[] => [
  ...['--unshare-all', '--die-with-parent', '--new-session', '--clearenv', '--uid', '1000'],
  ...['--gid', '1000', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin'],
  ...['--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64', '--proc', '/proc'],
  ...['--dev', '/dev', '--bind', join(dir, 'home'), '/home/user'],
  ...['--bind', join(dir, 'tmp'), '/tmp', '--chdir', '/home/user'],
];
const BASE_ENV = { PATH: '/usr/bin:/bin', HOME: '/home/user', LANG: 'C.UTF-8' };

export const openVendor = (root: string) => {
  const dirOf = (ref: string): string => join(root, ref);
  const find = async (ref: string): Promise<Box> => {
    if (!/^box_[0-9a-f]{12}$/.test(ref)) throw new VendorError(404, 'no such box');
    const box = await readFile(join(dirOf(ref), 'box.json'), 'utf8').then(
      (json) => JSON.parse(json) as Box,
      () => null,
    );
    if (!box) throw new VendorError(404, 'no such box');
    if (box.endsAt > Date.now()) return box;
    await end(ref);
    throw new VendorError(404, 'the box has ended');
  };
  const end = async (ref: string): Promise<void> => {
    for (const child of running.get(dirOf(ref)) ?? []) child.kill('SIGKILL');
    await rm(dirOf(ref), { recursive: true, force: true, maxRetries: 5 });
  };

  const start = (box: Box, argv: readonly string[], env: object, input: string) => {
    const dir = dirOf(box.ref);
    const variables = Object.entries({ ...BASE_ENV, ...box.env, ...env });
    const flags = variables.flatMap(([name, value]) => ['--setenv', name, String(value)]);
    // What it writes is kept in files, which is why it is known at the end only.
    const outputs = ['out', 'err'].map((name) =>
      join(dir, `${randomBytes(6).toString('hex')}.${name}`),
    );
    const descriptors = outputs.map((file) => openSync(file, 'ax', 0o600));
    if (isRoot) for (const descriptor of descriptors) fchownSync(descriptor, USER, USER);
    const child = spawn('bwrap', [...isolation(dir), ...flags, '--', ...argv], {
      env: {},
      cwd: '/',
      stdio: ['pipe', ...descriptors],
      ...(isRoot ? { uid: USER, gid: USER } : {}),
    });
    descriptors.forEach(closeSync);
    const children = running.get(dir) ?? new Set();
    running.set(dir, children.add(child));
    child.stdin?.on('error', () => undefined).end(input);
    return { child, outputs };
  };
  const execute = async (
    ref: string,
    argv: readonly string[],
    env: object = {},
    input = '',
  ): Promise<RunResult> => {
    await sleep(LATENCY_MS);
    const box = await find(ref);
    const { child, outputs } = start(box, argv, env, input);
    const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
    running.get(dirOf(ref))?.delete(child);
    const texts = outputs.map((file) => readFile(file, 'utf8').catch(() => null));
    const [stdout, stderr] = await Promise.all(texts);
    await Promise.all(outputs.map((file) => rm(file, { force: true })));
    // Whoever destroys it removes the folder first or kills the command first.
    await find(ref);
    if (exitCode === null || typeof stdout !== 'string' || typeof stderr !== 'string')
      throw new VendorError(410, 'the box has ended');
    return { exitCode, stdout, stderr };
  };

  return {
    async create(labels: Box['labels'], env: Box['env'], endsAt: number): Promise<Box> {
      const ref = `box_${randomBytes(6).toString('hex')}`;
      const box = { ref, labels, env, createdAt: Date.now(), endsAt };
      // Whoever runs the commands must come as far as the folder.
      await chmod(root, 0o711);
      await mkdir(dirOf(ref), { mode: 0o711 });
      for (const name of ['home', 'tmp']) {
        await mkdir(join(dirOf(ref), name), { mode: 0o700 });
        if (isRoot) await chown(join(dirOf(ref), name), USER, USER);
      }
      await writeFile(join(dirOf(ref), 'box.json'), JSON.stringify(box));
      await sleep(LATENCY_MS * 3);
      return box;
    },
    async get(ref: string): Promise<Box> {
      await sleep(LATENCY_MS);
      return find(ref);
    },
    async list(): Promise<Box[]> {
      await sleep(LATENCY_MS);
      const found = await Promise.all(
        (await readdir(root)).map((ref) => find(ref).catch(() => null)),
      );
      return found.filter((box) => box !== null);
    },
    async destroy(ref: string): Promise<void> {
      await sleep(LATENCY_MS);
      await end(ref);
    },
    /** As a shell says it: 127 for a program that is not there. Answers when it has ended. */
    run: (ref: string, argv: readonly string[], env: object, cwd: string) =>
      execute(ref, ['/bin/sh', '-c', 'cd "$0" && exec "$@"', cwd, ...argv], env),
    async readText(ref: string, path: string): Promise<string> {
      const { exitCode, stdout } = await execute(ref, ['/bin/cat', path]);
      if (exitCode !== 0) throw new VendorError(404, 'no such file');
      return stdout;
    },
    async writeText(ref: string, path: string, content: string): Promise<void> {
      const script = 'PATH=/bin; mkdir -p "$(dirname "$0")" && cat > "$0"';
      const { exitCode, stderr } = await execute(ref, ['/bin/sh', '-c', script, path], {}, content);
      if (exitCode !== 0) throw new VendorError(400, stderr);
    },
  };
};

export type PoorVendor = ReturnType<typeof openVendor>;
