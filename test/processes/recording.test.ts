import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { until } from '../helpers/fleet.ts';
import { alice } from '../helpers/sandbox-service.ts';
import { failing, openProcesses } from './open-processes.ts';

const full = new AppError('NO_SPACE', 'The disk of the server is full.', { retryable: true });

describe.each(['replay', 'none'] as const)('the output of a process (reattach: %s)', (reattach) => {
  it('is recorded once and whole although appends fail', async () => {
    await using at = await openProcesses(reattach);
    const { id } = await at.start();
    const script = await at.vendor.script(1);
    let chunks = 0;
    at.journal.before('append', () => {
      chunks += 1;
      if (chunks % 2 === 1) throw full;
    });
    for (const text of ['one ', 'two ', 'three ']) script.says(text);
    script.exits(4);
    expect(await at.told(id)).toBe('one two three [EXITED]');
    await until(async () => (await at.row(id)).state === 'EXITED');
  });

  it('is not acknowledged before it is recorded', async () => {
    await using at = await openProcesses(reattach);
    const { id } = await at.start();
    const script = await at.vendor.script(1);
    let isFull = true;
    let attempts = 0;
    at.journal.before('append', () => {
      attempts += 1;
      if (isFull) throw full;
    });
    script.says('one ');
    script.says('two ');
    await until(() => attempts > 3);
    expect(script.acknowledged()).toBe(0);
    isFull = false;
    script.exits(0);
    expect(await at.told(id)).toBe('one two [EXITED]');
  });

  it('is told to be recorded later when the disk stays full, as done and not to be repeated', async () => {
    await using at = await openProcesses(reattach);
    let isFull = true;
    at.journal.before('append', () => {
      if (isFull) throw full;
    });
    at.vendor.onSpawn((_, script) => {
      script.says('said');
      script.exits(0);
    });
    const done = at.processes.exec(alice, { sandboxId: at.sandboxId, command: 'work' });
    await expect(done).rejects.toMatchObject({ retryable: false, details: { ambiguous: true } });
    isFull = false;
    const [id = ''] = at.vendor.started;
    expect(await at.told(id)).toBe('said[EXITED]');
    await until(async () => (await at.row(id)).state === 'EXITED');
  });

  it('is answered although its row cannot be written at the moment', async () => {
    await using at = await openProcesses(reattach);
    at.rows.before('update', failing(1, new AppError('UNAVAILABLE', 'The database is away.')));
    at.vendor.onSpawn((_, script) => {
      script.says('said');
      script.exits(5);
    });
    const options = { sandboxId: at.sandboxId, command: 'work' };
    const { process, stdout } = await at.processes.exec(alice, options);
    expect([process.state, process.exitCode, `${Buffer.from(stdout)}`]).toEqual([
      'EXITED',
      5,
      'said',
    ]);
    await until(async () => (await at.row(process.id)).state === 'EXITED');
  });
});

describe('a command whose output is lost in part', () => {
  it('says that what it returns is not all', async () => {
    await using at = await openProcesses();
    at.vendor.onSpawn((_, script) => {
      script.says('before');
      script.loses('The vendor dropped it.');
      script.exits(0);
    });
    const options = { sandboxId: at.sandboxId, command: 'work' };
    expect(await at.processes.exec(alice, options)).toMatchObject({
      ...{ stdoutTruncated: true, stderrTruncated: true, process: { state: 'EXITED' } },
    });
  });
});

describe('a terminal that is hung up', () => {
  const open = async (at: Awaited<ReturnType<typeof openProcesses>>): Promise<string> => {
    const pty = { cols: 80, rows: 24 };
    const options = { sandboxId: at.sandboxId, purpose: 'terminal', command: 'work', pty };
    return (await at.processes.start(alice, options)).row.id;
  };

  it('is killed when it does not listen', async () => {
    await using at = await openProcesses();
    const id = await open(at);
    expect(await at.processes.hangUp(alice, id)).toMatchObject({ state: 'SIGNALED' });
    expect((await at.vendor.script(1)).signals).toEqual(['SIGHUP', 'SIGKILL']);
  });

  it('is not waited for without end when nothing ends it', async () => {
    await using at = await openProcesses();
    const id = await open(at);
    const script = await at.vendor.script(1);
    script.isDeaf();
    await expect(at.processes.hangUp(alice, id)).rejects.toMatchObject({ code: 'TIMEOUT' });
    script.exits(0);
  }, 30_000);
});

describe('the wait for a process that is not recorded here yet', () => {
  it('asks the store ever more seldom', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    at.processes.letGo(at.sandboxId);
    let finds = 0;
    at.rows.before('find', () => {
      finds += 1;
    });
    const stop = new AbortController();
    const waited = at.processes.wait(alice, id, 60_000, stop.signal);
    await sleep(2_500);
    stop.abort();
    await waited;
    expect(finds).toBeLessThan(10);
  });
});
