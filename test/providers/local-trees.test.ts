import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadState } from '../../src/providers/local/state.ts';
import { openTrash } from '../../src/providers/local/trash.ts';
import type { Data } from '../helpers/answers.ts';
import { ask, mutate, newSandbox } from '../helpers/client.ts';
import { freePort, type Launched, launch, launchedServer } from '../helpers/launch.ts';

const DEPTH = 6_000;
/** Fewer than there are levels: what keeps a descriptor a level open fails. */
const DESCRIPTORS = 4_096;
const DEEP = `import os
for i in range(${DEPTH}):
    os.mkdir('d'); os.chdir('d')`;

describe('a sandbox with a tree of any depth', () => {
  let stateDir = '';
  let port = 0;
  let running: Launched | null = null;
  let server = launchedServer(0);
  const start = async (): Promise<void> => {
    running = await launch(stateDir, port, undefined, { SANDBANK_WARM_SANDBOXES: '0' });
    execFileSync('prlimit', [`--pid=${running.pid}`, `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`]);
  };
  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-trees-'));
    port = await freePort();
    server = launchedServer(port);
    await start();
  });
  afterAll(async () => {
    await running?.kill('SIGTERM');
    execFileSync('rm', ['-rf', stateDir]);
  });

  const folder = (name: string): string[] => readdirSync(join(stateDir, 'local', name));
  const newTree = async (): Promise<string> => {
    const sandboxId = await newSandbox(server);
    const { process } = await mutate(server, 'exec', 'process { exitCode }', {
      sandboxId,
      argv: ['python3', '-c', DEEP],
    });
    expect(process.exitCode).toBe(0);
    return sandboxId;
  };
  /** As code inside kills it. */
  const killSupervisors = (): void => {
    for (const ref of folder('sandboxes'))
      process.kill(loadState(join(stateDir, 'local', 'sandboxes', ref))?.inner ?? 0, 'SIGKILL');
  };
  const stateOf = async (id: string): Promise<Data['sandbox']> =>
    (await ask(server, 'query ($id: ID!) { sandbox(id: $id) { state terminationReason } }', { id }))
      .sandbox;

  it('is destroyed like any other, its directory gone at once', async () => {
    const sandboxId = await newTree();
    const answer = await mutate(server, 'destroySandbox', 'sandbox { state }', { sandboxId });
    expect(answer).toMatchObject({ sandbox: { state: 'TERMINATED' } });
    expect(folder('sandboxes')).toEqual([]);
  }, 120_000);

  it('ends no server when its supervisor is killed', async () => {
    const sandboxId = await newTree();
    killSupervisors();
    await expect
      .poll(() => stateOf(sandboxId), { timeout: 20_000 })
      .toEqual({ state: 'TERMINATED', terminationReason: 'LOST' });
    expect(folder('sandboxes')).toEqual([]);
  }, 120_000);

  it('delays and ends no start, and its disk is freed in the end', async () => {
    const sandboxId = await newTree();
    await running?.kill('SIGKILL');
    killSupervisors();
    // What an earlier server knew nothing of any more.
    const abandoned = join(stateDir, 'local', 'sandboxes', `lcl_${'0'.repeat(20)}`);
    await mkdir(abandoned);
    // A younger one might be in the making.
    await utimes(abandoned, 0, 0);
    await start();
    await expect
      .poll(() => stateOf(sandboxId), { timeout: 20_000 })
      .toEqual({ state: 'TERMINATED', terminationReason: 'LOST' });
    expect(folder('sandboxes')).toEqual([]);
    await expect.poll(() => folder('trash'), { timeout: 110_000, interval: 500 }).toEqual([]);
  }, 180_000);
});

describe('the trash', async () => {
  const base = await mkdtemp(join(tmpdir(), 'sandbank-trash-'));
  const folder = join(base, 'trash');
  const log = pino({ level: 'silent' });
  afterAll(() => rm(base, { recursive: true, force: true }));
  const isRoot = process.getuid?.() === 0;

  it.runIf(isRoot)(
    'keeps what cannot be removed, removes the rest, and the next start tries again',
    async () => {
      const [bad, good] = [join(base, 'bad'), join(base, 'good')];
      for (const dir of [bad, good]) await mkdir(join(dir, 'inside'), { recursive: true });
      await writeFile(join(good, 'inside', 'file'), '');
      // A mount cannot be removed, not even by root.
      execFileSync('mount', ['-t', 'tmpfs', 'none', join(bad, 'inside')]);
      const trash = openTrash(folder, log);
      try {
        trash.discard(bad);
        trash.discard(good);
        trash.discard(join(base, 'never-there'));
        for (const dir of [bad, good]) expect(existsSync(dir)).toBe(false);
        await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toHaveLength(1);
      } finally {
        await trash.dispose(10_000);
        const [left = ''] = readdirSync(folder);
        execFileSync('umount', [join(folder, left, 'inside')]);
      }
      const next = openTrash(folder, log);
      await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toEqual([]);
      await next.dispose(10_000);
    },
  );

  it('lets itself into directories that nobody may enter', async () => {
    const dir = join(base, 'closed');
    const owner = isRoot ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    execFileSync('chmod', ['0777', base]);
    execFileSync('setpriv', [
      ...owner,
      'sh',
      '-c',
      `umask 0; mkdir -p ${dir}/a/b/c && touch ${dir}/a/b/c/f && chmod 0 ${dir}/a/b/c ${dir}/a/b ${dir}/a`,
    ]);
    const trash = openTrash(folder, log);
    trash.discard(dir);
    await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toEqual([]);
    await trash.dispose(10_000);
  });
});
