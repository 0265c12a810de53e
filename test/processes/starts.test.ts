import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { until } from '../helpers/fleet.ts';
import { alice } from '../helpers/sandbox-service.ts';
import { failing, openProcesses } from './open-processes.ts';

const away = new AppError('UNAVAILABLE', 'The database cannot be reached. Try again.');
const unanswered = new AppError('UNAVAILABLE', 'The vendor did not say whether it runs.', {
  ...{ retryable: false, details: { ambiguous: true } },
});

describe('the start of a process', () => {
  it('does not happen when its journal cannot be made, and may be repeated with its key', async () => {
    await using at = await openProcesses();
    at.journal.before('create', failing(1, new AppError('NO_SPACE', 'The disk is full.')));
    await expect(at.start('key')).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(at.vendor.started).toEqual([]);
    const { id } = await at.start('key');
    expect(at.vendor.started).toEqual([id]);
  });

  it('that was refused ends its row, also when that can only be written later', async () => {
    await using at = await openProcesses();
    at.vendor.onSpawn(() => {
      throw new AppError('INVALID_ARGUMENT', 'There is no such folder.');
    });
    at.rows.before('update', failing(1, away));
    await expect(at.start()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const [id = ''] = at.vendor.started;
    await until(async () => (await at.row(id)).state === 'LOST');
    expect(await at.told(id)).toBe('[LOST]');
  });

  it('that was refused does not end a row that tells of another end', async () => {
    await using at = await openProcesses();
    at.vendor.onSpawn(async (id) => {
      await at.store.processes.update(alice.tenant, id, { state: 'EXITED', exitCode: 3 });
      throw new AppError('INVALID_ARGUMENT', 'There is no such folder.');
    });
    await expect(at.start()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await at.row(at.vendor.started[0] ?? '')).toMatchObject({ state: 'EXITED' });
  });

  it('of which nobody knows the outcome is found out, and not repeated with its key', async () => {
    await using at = await openProcesses();
    at.vendor.onSpawn(() => {
      throw unanswered;
    });
    await expect(at.start('key')).rejects.toMatchObject({ retryable: false });
    const [id = ''] = at.vendor.started;
    expect(await at.row(id)).toMatchObject({ state: 'STARTING', endedAt: null });
    const script = await at.vendor.script(1);
    script.says('it runs\n');
    await at.processes.takeUp();
    expect(await at.start('key')).toMatchObject({ id });
    script.exits(0);
    expect(await at.told(id)).toBe('it runs\n[EXITED]');
    expect(at.vendor.started).toEqual([id]);
  });

  it('of which nobody can find out the outcome is lost, where the provider forgets', async () => {
    await using at = await openProcesses('none');
    at.vendor.onSpawn(() => {
      throw unanswered;
    });
    await expect(at.start()).rejects.toMatchObject({ details: { ambiguous: true } });
    await at.processes.takeUp();
    expect(await at.row(at.vendor.started[0] ?? '')).toMatchObject({ state: 'LOST' });
  });

  it.each(['replay', 'none'] as const)(
    'has succeeded whatever becomes of the write that it runs (reattach: %s)',
    async (reattach) => {
      await using at = await openProcesses(reattach);
      at.rows.before('update', failing(1, away));
      const { id } = await at.start('key');
      expect(await at.start('key')).toMatchObject({ id });
      expect(at.vendor.started).toEqual([id]);
      await until(async () => (await at.row(id)).state === 'RUNNING');
      expect(await at.row(id)).toMatchObject({ pid: 7, ref: `ref-${id}` });
      const script = await at.vendor.script(1);
      script.says('said');
      script.exits(0);
      expect(await at.told(id)).toBe('said[EXITED]');
    },
  );

  it('whose row was written without an answer is ended at the next look', async () => {
    await using at = await openProcesses();
    at.rows.before('insert', async (...args: Parameters<typeof at.store.processes.insert>) => {
      await at.store.processes.insert(...args);
      throw away;
    });
    await at.processes.takeUp();
    await expect(at.start()).rejects.toBe(away);
    at.rows.release();
    const rows = () =>
      at.store.processes.page(alice.tenant, at.sandboxId, {}, { limit: 9, descending: false });
    await until(async () => (await rows())[0]?.state === 'LOST');
    expect(at.vendor.started).toEqual([]);
  });
});

describe('the row of a command', () => {
  it('says that it runs, as what, for as long as it does', async () => {
    await using at = await openProcesses();
    const done = at.processes.exec(alice, { sandboxId: at.sandboxId, command: 'work' });
    const script = await at.vendor.script(1);
    const [id = ''] = at.vendor.started;
    await until(async () => (await at.row(id)).state === 'RUNNING');
    expect(await at.row(id)).toMatchObject({ pid: 7 });
    script.exits(0);
    expect(await done).toMatchObject({ process: { state: 'EXITED' } });
  });

  it('that ends at once is written to twice', async () => {
    await using at = await openProcesses();
    let updates = 0;
    at.rows.before('update', () => {
      updates += 1;
    });
    at.vendor.onSpawn((_, script) => script.exits(0));
    await at.processes.exec(alice, { sandboxId: at.sandboxId, command: 'work' });
    expect(updates).toBe(1);
  });
});

describe('a journal on a full disk', () => {
  it('refuses as what it is', async () => {
    await using at = await openProcesses();
    const folder = join(at.journalDir, 'full');
    mkdirSync(folder);
    symlinkSync('/dev/full', join(folder, `${'1'.padStart(16, '0')}.seg`));
    const record = { at: 1, kind: 'stdout', meta: null, bytes: Buffer.from('x') };
    await expect(at.fileJournal.append('full', [record])).rejects.toMatchObject({
      ...{ code: 'NO_SPACE', retryable: true, message: expect.stringContaining('server') },
    });
  });
});
