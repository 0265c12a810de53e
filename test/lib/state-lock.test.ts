import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockStateDir } from '../../src/lib/state-lock.ts';

type Starter = { child: ChildProcess; take(): Promise<string>; kill(): Promise<void> };

describe('the lock of a state directory', () => {
  let dir = '';
  const started: Starter[] = [];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbank-lock-'));
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.kill()));
    await rm(dir, { recursive: true, force: true });
  });

  const start = async (before: readonly string[] = []): Promise<Starter> => {
    const [program = '', ...words] = [
      ...before,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      'test/helpers/programs/hold-state-lock.ts',
      dir,
    ];
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => (await lines.next()).value ?? 'ended';
    const exited = once(child, 'exit');
    expect(await next()).toBe('up');
    const starter: Starter = {
      child,
      take() {
        child.stdin.write('take\n');
        return next();
      },
      async kill() {
        child.kill('SIGKILL');
        await exited;
      },
    };
    started.push(starter);
    return starter;
  };

  it('has one holder, always: six starters on the lock of a killed holder, a hundred rounds', async () => {
    let starters = await Promise.all(Array.from({ length: 6 }, () => start()));
    for (let round = 0; round < 100; round += 1) {
      const outcomes = await Promise.all(starters.map((one) => one.take()));
      expect(outcomes.toSorted()).toEqual(['holds', ...Array(5).fill('refused')]);
      const holder = starters[outcomes.indexOf('holds')];
      // Its lock is stale from here on: nobody has released it.
      await holder?.kill();
      starters = [...starters.filter((one) => one !== holder), await start()];
    }
  }, 240_000);

  it('is free when its holder is dead and not reaped', async () => {
    // The shell becomes a program that never waits for its child: the killed holder stays a zombie.
    const child = spawn(
      'sh',
      [
        '-c',
        `"$0" --disable-warning=ExperimentalWarning test/helpers/programs/hold-state-lock.ts "$1" <&3 & echo $!; exec sleep 600`,
        process.execPath,
        dir,
      ],
      { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] },
    );
    const lines = createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    expect((await lines.next()).value).toBe('up');
    (child.stdio[3] as NodeJS.WritableStream).write('take\n');
    expect((await lines.next()).value).toBe('holds');
    process.kill(pid, 'SIGKILL');
    const state = async (): Promise<string | undefined> =>
      /^State:\s+(\w)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    while ((await state()) !== 'Z') await new Promise((resolve) => setTimeout(resolve, 5));
    const next = await start();
    expect(await next.take()).toBe('holds');
    expect(await state()).toBe('Z');
    child.kill('SIGKILL');
  });

  it('holds against a server of another pid namespace, and frees itself when that one is killed', async () => {
    const inside = await start([
      ...['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])],
      ...['--pid', '--fork', '--kill-child', '--mount-proc'],
    ]);
    const outside = await start();
    expect(await inside.take()).toBe('holds');
    expect(await outside.take()).toBe('refused');
    await inside.kill();
    let outcome = 'refused';
    // `unshare` is dead at once, what it had started a moment later.
    while (outcome === 'refused') outcome = await outside.take();
    expect(outcome).toBe('holds');
  });

  it('names the holder when it refuses, is released, and does not believe what an older file says', async () => {
    await writeFile(join(dir, 'server.lock'), `${process.pid} 1`);
    const release = await lockStateDir(dir);
    await expect(lockStateDir(dir)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(`(pid ${process.pid}) uses the state directory ${dir}`),
    });
    await release();
    await release();
    await (await lockStateDir(dir))();
  });
});
