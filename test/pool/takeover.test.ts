import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, drain, mutate, newSandbox, OUTPUT, overWebSocket } from '../helpers/client.ts';
import {
  type Fleet,
  LEASE_MS,
  type Row,
  rowsOf,
  sandboxOf,
  until,
  withFleet,
} from '../helpers/fleet.ts';
import { runProgram } from '../helpers/launch.ts';
import {
  holdAnswers,
  LINE_MS,
  plantSandbox,
  vendorLog,
  vendorRefs,
} from '../helpers/shared-vendor.ts';
import { type PostgresService, startPostgres } from '../services/postgres.ts';

describe.concurrent('servers that reach the same sandboxes', () => {
  let postgres: PostgresService;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());
  const test = (
    name: string,
    work: (fleet: Fleet, database: string, vendor: string) => Promise<void>,
  ): void => it(name, () => withFleet(postgres.url, { vendor: true }, work), 600_000);

  test('take over from one that was killed: the sandbox, its processes and its end', async (fleet, database, vendor) => {
    const one = await fleet.member();
    const two = await fleet.member();
    const sandboxId = await newSandbox(one);
    const lines = (6 * LEASE_MS) / LINE_MS;
    const { process } = await mutate(one, 'startProcess', 'process { id }', {
      ...{ sandboxId, argv: ['lines', `${lines}`] },
    });
    await one.kill('SIGKILL');
    await until(
      async () =>
        (await sandboxOf(database, sandboxId)).ownerEpoch !== undefined &&
        vendorLog(vendor).some(({ what, pid }) => what === 'attached' && pid === two.pid()),
    );
    const { text, exit } = await drain(overWebSocket(two, OUTPUT, { id: process.id }));
    expect(text).toBe(Array.from({ length: lines }, (_, index) => `line ${index + 1}\n`).join(''));
    expect(exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
    await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId });
    expect(vendorRefs(vendor)).toEqual([]);
  });

  test('an owner that is stopped for three leases and continued does nothing twice', async (fleet, database, vendor) => {
    const one = await fleet.member();
    const two = await fleet.member();
    const sandboxId = await newSandbox(one);
    const short = await newSandbox(one, { timeoutSeconds: Math.round((2 * LEASE_MS) / 1_000) });
    const { process } = await mutate(one, 'startProcess', 'process { id }', {
      ...{ sandboxId, argv: ['lines', '100000'] },
    });
    await until(() =>
      vendorLog(vendor).some(({ what, id }) => what === 'acknowledged' && id === process.id),
    );
    one.signal('SIGSTOP');
    const stoppedAt = vendorLog(vendor).length;
    await sleep(3 * LEASE_MS);
    await until(async () => (await sandboxOf(database, short)).state === 'TERMINATED');
    const taken = await sandboxOf(database, sandboxId);
    one.signal('SIGCONT');
    await one.alive(until(() => one.log().includes('it is let go')));
    await sleep(LEASE_MS);

    // Pumped: only the new owner acknowledges output, each line once.
    const later = vendorLog(vendor).slice(stoppedAt);
    const ofOne = later.filter(({ pid }) => pid === one.pid());
    expect(ofOne.filter(({ what }) => what !== 'acknowledged')).toEqual([]);
    // The line that was on its way when it was stopped may have been written down before.
    expect(ofOne.length).toBeLessThanOrEqual(1);
    const acknowledged = later.filter(
      ({ what, pid }) => what === 'acknowledged' && pid === two.pid(),
    );
    expect(new Set(acknowledged.map(({ line }) => line)).size).toBe(acknowledged.length);

    // Expired: once.
    expect(later.filter(({ what, id }) => what === 'destroyed' && id === short)).toMatchObject([
      { pid: two.pid() },
    ]);
    const ends = `select kind from sandbox_events where kind = 'sandbox-destroyed' and meta like $1`;
    expect(await rowsOf(database, ends, [`%${short}%`])).toHaveLength(1);

    // Metered: no second is in the ledger twice.
    const now = await sandboxOf(database, sandboxId);
    const [booked] = await rowsOf<Row>(
      database,
      `select sum(amount) as seconds from usage_entries where "sandboxId" = $1 and metric = 'sandboxSeconds'`,
      [sandboxId],
    );
    const covered =
      (Number((await sandboxOf(database, sandboxId)).bookedAt) - Number(now.readyAt)) / 1_000;
    expect(Math.abs(booked.seconds - covered)).toBeLessThan(3);

    // Owned: by the other, and the one that came back says so.
    expect(now.owner).toBe(taken.owner);
    const input = { sandboxId, argv: ['lines', '1'] };
    expect(await mutate(one, 'exec', 'stdout', input)).toMatchObject({
      ...{ code: 'WRONG_SERVER', details: { address: two.url } },
    });
    expect(await mutate(two, 'exec', 'stdout', input)).toMatchObject({ stdout: 'line 1\n' });
    const fresh = await newSandbox(one);
    for (const [server, id] of [
      [two, sandboxId],
      [one, fresh],
    ] as const)
      await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: id });
  });

  test('remove what ended ones left, report what no row tells of, and never touch what is not theirs', async (fleet, database, vendor) => {
    const one = await fleet.member();
    const sandboxId = await newSandbox(one);
    await mutate(one, 'destroySandbox', 'sandbox { id }', { sandboxId });
    const [{ id: label }] = await rowsOf<Row>(database, 'select id from deployment');
    const rest = plantSandbox(vendor, sandboxId, label);
    const unknown = plantSandbox(vendor, 'sbx_unknown', label);
    const foreign = plantSandbox(vendor, 'sbx_foreign', 'somebody else');
    await until(() => !vendorRefs(vendor).includes(rest));
    const listed = 'select ref from orphans';
    await until(async () => (await rowsOf(database, listed)).length === 1);
    expect(await rowsOf(database, listed)).toEqual([{ ref: unknown }]);
    await sleep(2 * LEASE_MS);
    expect(vendorRefs(vendor).toSorted()).toEqual([foreign, unknown].toSorted());
    expect(await runProgram(['orphans', 'list'], one.env)).toContain(unknown);
    await runProgram(['orphans', 'remove', '--ref', unknown], one.env);
    await until(() => !vendorRefs(vendor).includes(unknown));
    await until(async () => (await rowsOf(database, listed)).length === 0);
    expect(vendorRefs(vendor)).toEqual([foreign]);
    expect((await ask(one, '{ __typename }')).__typename).toBe('Query');
  });

  test('a create whose server was killed before the vendor answered is finished by another', async (fleet, database, vendor) => {
    const one = await fleet.member();
    const two = await fleet.member();
    const sandboxId = await newSandbox(one);
    await one.kill('SIGKILL');
    // As a kill leaves it between the answer of the vendor and the note of it, and before that answer.
    const never = 'sbx_never';
    const undo = `update sandboxes set state = 'CREATING', ref = null, "readyAt" = null where id = $1`;
    await rowsOf(database, undo, [sandboxId]);
    const copy = await sandboxOf(database, sandboxId);
    const columns = Object.keys(copy);
    await rowsOf(
      database,
      `insert into sandboxes (${columns.map((name) => `"${name}"`).join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')})`,
      columns.map((name) => (name === 'id' ? never : copy[name])),
    );
    await until(async () => (await sandboxOf(database, sandboxId)).state === 'READY');
    await until(async () => (await sandboxOf(database, never)).state === 'FAILED');
    await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId });
    expect(vendorRefs(vendor)).toEqual([]);
  });

  test('a create whose server is stopped while the vendor answers belongs to the one that took it over', async (fleet, database, vendor) => {
    const one = await fleet.member();
    const two = await fleet.member();
    const hold = holdAnswers(vendor);
    const create = mutate(one, 'createSandbox', 'sandbox { id state }', {});
    await until(() => vendorLog(vendor).some(({ what }) => what === 'created'));
    one.signal('SIGSTOP');
    const [{ id }] = await rowsOf<Row>(database, 'select id from sandboxes');
    await until(async () => (await sandboxOf(database, id)).state === 'READY');
    hold.release();
    one.signal('SIGCONT');
    // What was asked for is there; where it is, the next request is told.
    expect(await one.alive(create)).toMatchObject({ sandbox: { id, state: 'READY' } });
    expect(vendorLog(vendor).filter(({ what }) => what === 'destroyed')).toEqual([]);
    const input = { sandboxId: id, argv: ['lines', '1'] };
    expect(await mutate(one, 'exec', 'stdout', input)).toMatchObject({ code: 'WRONG_SERVER' });
    expect(await mutate(two, 'exec', 'stdout', input)).toMatchObject({ stdout: 'line 1\n' });
    await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId: id });
    expect(vendorRefs(vendor)).toEqual([]);
  });
});
