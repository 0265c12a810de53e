import { describe, expect, it } from 'vitest';
import { until } from '../helpers/fleet.ts';
import { alice } from '../helpers/sandbox-service.ts';
import { openProcesses } from './open-processes.ts';

describe('a process whose sandbox leaves this server and comes back', () => {
  it('is recorded once, also when it was quiet all the time', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    const script = await at.vendor.script(1);
    script.says('before ');
    await until(async () => (await at.fileJournal.info(`process:${id}`))?.last === 1);
    at.processes.letGo(at.sandboxId);
    await at.processes.takeUp(at.sandboxId);
    expect(at.vendor.attachments()).toBe(1);
    script.says('after ');
    script.says('more ');
    script.exits(0);
    expect(await at.told(id)).toBe('before [gap]after more [EXITED]');
    await until(async () => (await at.row(id)).state === 'EXITED');
  });

  it('is connected to once, however many look', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    const script = await at.vendor.script(1);
    at.processes.letGo(at.sandboxId);
    await Promise.all([1, 2, 3].map(() => at.processes.takeUp()));
    expect(at.vendor.attachments()).toBe(1);
    script.says('said');
    script.exits(0);
    expect(await at.told(id)).toBe('[gap]said[EXITED]');
  });

  it('is not recorded here when the sandbox left during the start', async () => {
    await using at = await openProcesses();
    const { owner } = at.open.ownership.lease.fence;
    at.vendor.onSpawn(async () => {
      await at.store.sandboxes.update(alice.tenant, at.sandboxId, { owner: 'srv_other' });
      at.processes.letGo(at.sandboxId);
    });
    const done = at.processes.exec(alice, { sandboxId: at.sandboxId, command: 'work' });
    const script = await at.vendor.script(1);
    script.says('for the other');
    await expect(done).rejects.toMatchObject({ retryable: false, details: { ambiguous: true } });
    expect(script.acknowledged()).toBe(0);
    expect(await at.fileJournal.info(`process:${at.vendor.started[0]}`)).toMatchObject({ last: 0 });
    await at.store.sandboxes.update(alice.tenant, at.sandboxId, { owner });
  });

  it('has its stream ended when it has ended elsewhere', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    (await at.vendor.script(1)).says('before ');
    await until(async () => (await at.fileJournal.info(`process:${id}`))?.last === 1);
    await at.processes.takeUp();
    const followed = at.told(id);
    at.processes.letGo(at.sandboxId);
    const patch = { state: 'EXITED', exitCode: 9, endedAt: Date.now() } as const;
    await at.store.processes.update(alice.tenant, id, patch);
    expect(await followed).toBe('before [gap][EXITED]');
    expect(await at.told(id)).toBe('before [gap][EXITED]');
  });

  it('has a stream that ends also for who asks first after it has ended elsewhere', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    at.processes.letGo(at.sandboxId);
    await at.store.processes.update(alice.tenant, id, { state: 'LOST', endedAt: Date.now() });
    expect((await at.events(id)).at(-1)).toMatchObject({ event: 'exit', kind: 'LOST' });
  });

  it('has one end, however many ask for it at once', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    at.processes.letGo(at.sandboxId);
    await at.store.processes.update(alice.tenant, id, { state: 'LOST', endedAt: Date.now() });
    const told = await Promise.all([1, 2, 3, 4].map(() => at.told(id)));
    expect(new Set(told)).toEqual(new Set(['[gap][LOST]']));
    expect(await at.fileJournal.info(`process:${id}`)).toMatchObject({ last: 2, ended: true });
  });

  it('is left by a recording that finds another owner, and its stream ends with the row', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    const script = await at.vendor.script(1);
    script.says('before ');
    await until(async () => (await at.fileJournal.info(`process:${id}`))?.last === 1);
    await at.processes.takeUp();
    const signal = new AbortController().signal;
    const followed = Array.fromAsync(await at.processes.follow(alice, id, null, signal));
    const { owner, epoch } = at.open.ownership.lease.fence;
    // As after a time without the lease: the recording looks, and finds that the sandbox has gone to another server.
    at.loseLease();
    await at.store.sandboxes.update(alice.tenant, at.sandboxId, { owner: 'srv_other' });
    script.says('for the other');
    await until(at.isLeaseAwaited);
    at.regainLease();
    const patch = { state: 'EXITED', exitCode: 9, endedAt: Date.now() } as const;
    await at.store.processes.update(alice.tenant, id, patch);
    expect((await followed).map(({ kind }) => kind)).toEqual(['output', 'gap', 'EXITED']);
    await at.store.sandboxes.update(alice.tenant, at.sandboxId, { owner, ownerEpoch: epoch });
  });

  it('gives its terminal no new size in a row of another server', async () => {
    await using at = await openProcesses();
    const pty = { cols: 80, rows: 24 };
    const options = { sandboxId: at.sandboxId, purpose: 'terminal', command: 'work', pty };
    const { row } = await at.processes.start(alice, options);
    await at.store.sandboxes.update(alice.tenant, at.sandboxId, { owner: 'srv_other' });
    await at.processes.resize(alice, row.id, { cols: 100, rows: 30 });
    expect(await at.row(row.id)).toMatchObject(pty);
    const { owner } = at.open.ownership.lease.fence;
    await at.store.sandboxes.update(alice.tenant, at.sandboxId, { owner });
  });
});

describe('a process that another server has recorded', () => {
  it('is not connected to yet, which passes, as long as it has no journal here', async () => {
    await using at = await openProcesses();
    const row = { ...(await at.start()), id: 'prc_coming', ref: null };
    await at.store.processes.insert(row);
    for (const read of [
      () => at.events(row.id),
      () => at.processes.readOutput(alice, row.id, null, 1_000),
    ])
      await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });

  it('begins with a gap here', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    const script = await at.vendor.script(1);
    await at.processes.letGo(at.sandboxId);
    await at.fileJournal.remove(`process:${id}`);
    await at.processes.takeUp();
    script.says('here');
    script.exits(0);
    const events = await at.events(id);
    expect(events.map(({ kind }) => kind)).toEqual(['gap', 'output', 'EXITED']);
    expect(events[0]).toMatchObject({
      reason: 'Another server recorded the output before; it is not here.',
    });
  });

  it('and that is lost is a gap and an exit here', async () => {
    await using at = await openProcesses('none');
    const row = { ...(await at.start()), id: 'prc_elsewhere', ref: null };
    await at.store.processes.insert(row);
    await at.processes.takeUp();
    expect(await at.told(row.id)).toBe('[gap][LOST]');
  });

  it('and that has ended is a gap and the exit of its row, in a stream and in pages', async () => {
    await using at = await openProcesses();
    const row = { ...(await at.start()), id: 'prc_ended', state: 'EXITED', exitCode: 3 } as const;
    await at.store.processes.insert({ ...row, endedAt: 5 });
    const [gap, exit, ...none] = await at.events(row.id);
    expect([gap, exit, none]).toMatchObject([
      { kind: 'gap' },
      { event: 'exit', kind: 'EXITED', exitCode: 3, at: 5 },
      [],
    ]);
    expect(await at.told(row.id, gap?.cursor)).toBe('[EXITED]');
    expect(await at.told(row.id, exit?.cursor)).toBe('');
    const page = await at.processes.readOutput(alice, row.id, null, 1_000);
    expect(page).toMatchObject({ ended: true, more: false, cursor: exit?.cursor });
    expect(page.events).toEqual([gap, exit]);
  });
});

describe('a journal that nobody ends', () => {
  it('is removed when its process is in no row, and ended when its row has, and else kept', async () => {
    await using at = await openProcesses();
    const { id } = await at.start();
    const ended = { ...(await at.row(id)), id: 'prc_ended', state: 'LOST', endedAt: 5 } as const;
    await at.store.processes.insert(ended);
    const topics = ['process:prc_gone', 'process:prc_ended', 'other:thing', `process:${id}`];
    for (const topic of topics) await at.fileJournal.create(topic);
    await at.processes.takeUp();
    await until(async () => (await at.fileJournal.info('process:prc_gone')) === null);
    await until(async () => (await at.fileJournal.info('process:prc_ended'))?.ended === true);
    for (const topic of ['other:thing', `process:${id}`])
      expect(await at.fileJournal.info(topic)).toMatchObject({ ended: false });
  });
});
