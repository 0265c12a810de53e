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
import { LINE_MS, plantSandbox, vendorLog, vendorRefs } from '../helpers/shared-vendor.ts';
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
});
