import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../../src/providers/local/proc.ts';
import { loadState } from '../../src/providers/local/state.ts';
import { ask, type MutationAnswer, mutate, newSandbox } from '../helpers/client.ts';
import {
  type Fleet,
  LEASE_MS,
  type Member,
  type Row,
  rowsOf,
  sandboxOf,
  until,
  withFleet,
} from '../helpers/fleet.ts';
import { type PostgresService, startPostgres } from '../services/postgres.ts';

type Exec = MutationAnswer<'exec'>;
const EXEC = 'stdout process { state exitCode }';

// Side by side: most of their time they wait for a lease to end.
describe.concurrent('two servers on one PostgreSQL, each with local sandboxes', () => {
  let postgres: PostgresService;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  const run = (server: Member, sandboxId: string, command: string): Promise<Exec> =>
    mutate(server, 'exec', EXEC, { sandboxId, command });
  const looksOf = (database: string) => {
    const stateOf = (id: string): Promise<Row> => sandboxOf(database, id);
    const supervisorOf = async (server: Member, id: string) => {
      const { ref } = await stateOf(id);
      return loadState(join(server.stateDir, 'local', 'sandboxes', ref));
    };
    const livesOn = async (server: Member, id: string): Promise<boolean> => {
      const state = await supervisorOf(server, id);
      return state !== null && isAlive(state.inner, state.innerStart);
    };
    return { stateOf, supervisorOf, livesOn };
  };
  const test = (name: string, work: (fleet: Fleet, database: string) => Promise<void>): void =>
    it(name, () => withFleet(postgres.url, {}, work), 600_000);

  test('touch nothing of each other: start, stop, kill -9 and a restart', async (fleet, database) => {
    const { stateOf, livesOn } = looksOf(database);
    const one = await fleet.member();
    const sandboxId = await newSandbox(one);
    await run(one, sandboxId, 'echo kept > note');
    const two = await fleet.member();
    const other = await newSandbox(two);
    // Long enough for a take-over and for the reaper, had they anything to do.
    await sleep(2 * LEASE_MS);
    expect(await run(one, sandboxId, 'cat note')).toMatchObject({ stdout: 'kept\n' });
    expect(await run(two, other, 'echo fine')).toMatchObject({ stdout: 'fine\n' });

    await two.kill('SIGTERM');
    await sleep(LEASE_MS);
    expect(await stateOf(other)).toMatchObject({ state: 'READY' });
    expect(await livesOn(two, other)).toBe(true);
    await two.restart();
    expect(await run(two, other, 'echo again')).toMatchObject({ stdout: 'again\n' });

    await one.kill('SIGKILL');
    await sleep(2 * LEASE_MS);
    expect(await stateOf(sandboxId)).toMatchObject({ state: 'READY' });
    expect(await livesOn(one, sandboxId)).toBe(true);
    expect(await run(two, other, 'echo on')).toMatchObject({ stdout: 'on\n' });
    const { owner, ownerEpoch } = await stateOf(sandboxId);
    await one.restart();
    expect(await run(one, sandboxId, 'cat note')).toMatchObject({ stdout: 'kept\n' });
    const after = await stateOf(sandboxId);
    expect(after.owner).toBe(owner);
    expect(Number(after.ownerEpoch)).toBe(Number(ownerEpoch) + 1);
    await mutate(one, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId: other });
    await Promise.all([one.kill('SIGTERM'), two.kill('SIGTERM')]);
  });

  test('expire their own only, also when the owner of an expired one is dead', async (fleet, database) => {
    const { stateOf } = looksOf(database);
    const one = await fleet.member();
    const two = await fleet.member();
    const short = await newSandbox(one, { timeoutSeconds: 2 });
    const orphaned = await newSandbox(one, { timeoutSeconds: 15 });
    const other = await newSandbox(two);
    await until(async () => (await stateOf(short)).state === 'TERMINATED');
    expect(await stateOf(short)).toMatchObject({ terminationReason: 'EXPIRED' });
    await one.kill('SIGKILL');
    await until(async () => Number((await stateOf(orphaned)).expiresAt) < Date.now());
    await sleep(LEASE_MS);
    // The sandbox may have ended at its expiration by itself; to write that down is for its owner.
    expect(await stateOf(orphaned)).toMatchObject({ state: 'READY' });
    expect(await run(two, other, 'echo fine')).toMatchObject({ stdout: 'fine\n' });
    await one.restart();
    await until(async () => (await stateOf(orphaned)).state === 'TERMINATED');
    expect(await stateOf(orphaned)).toMatchObject({ terminationReason: 'EXPIRED' });
    await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId: other });
    await Promise.all([one.kill('SIGTERM'), two.kill('SIGTERM')]);
  });

  test('send a caller to the server that looks after the sandbox', async (fleet) => {
    const one = await fleet.member();
    const two = await fleet.member();
    const sandboxId = await newSandbox(one);
    const { process } = await mutate(one, 'startProcess', 'process { id }', {
      ...{ sandboxId, command: 'echo here; sleep 600' },
    });
    const wrong = {
      ...{ code: 'WRONG_SERVER', retryable: true },
      details: expect.objectContaining({ address: one.url }),
    };
    expect(await run(two, sandboxId, 'true')).toMatchObject(wrong);
    expect(await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId })).toMatchObject(
      wrong,
    );
    expect(await mutate(two, 'diagnoseSandbox', 'checks { name }', { sandboxId })).toMatchObject(
      wrong,
    );
    const signal = { processId: process.id, signal: 'SIGTERM' };
    expect(await mutate(two, 'signalProcess', 'process { id }', signal)).toMatchObject(wrong);
    const found = `query ($id: ID!) { sandbox(id: $id) { id state } }`;
    expect((await ask(two, found, { id: sandboxId })).sandbox).toMatchObject({ state: 'READY' });
    expect(await run(one, sandboxId, 'echo here')).toMatchObject({ stdout: 'here\n' });
    await one.kill('SIGKILL');
    await sleep(LEASE_MS);
    expect(await run(two, sandboxId, 'true')).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    });
    await one.restart();
    await mutate(one, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await Promise.all([one.kill('SIGTERM'), two.kill('SIGTERM')]);
  });

  test('give up a host that is gone for good: rows lost, quota free; one that returns clears its sandboxes first', async (fleet, database) => {
    const { stateOf, supervisorOf } = looksOf(database);
    const env = { SANDBANK_HOST_LOST_SECONDS: '6', SANDBANK_MAX_SANDBOXES: '2' };
    const one = await fleet.member({ env });
    const two = await fleet.member({ env });
    const lost = await newSandbox(one);
    const other = await newSandbox(two);
    const { process } = await mutate(one, 'startProcess', 'process { id }', {
      ...{ sandboxId: lost, command: 'sleep 600' },
    });
    const supervisor = await supervisorOf(one, lost);
    expect(await mutate(two, 'createSandbox', 'sandbox { id }', {})).toMatchObject({
      code: 'QUOTA_EXCEEDED',
    });
    await one.kill('SIGKILL');
    await until(async () => (await stateOf(lost)).state === 'TERMINATED');
    expect(await stateOf(lost)).toMatchObject({ terminationReason: 'LOST' });
    const child = 'select state from processes where id = $1';
    await until(async () => (await rowsOf<Row>(database, child, [process.id]))[0].state === 'LOST');
    const freed = await newSandbox(two);
    expect(await run(two, other, 'echo fine')).toMatchObject({ stdout: 'fine\n' });
    expect(isAlive(supervisor?.inner ?? 0, supervisor?.innerStart ?? '')).toBe(true);

    await one.restart();
    await until(() => !isAlive(supervisor?.inner ?? 0, supervisor?.innerStart ?? ''));
    expect(await run(one, lost, 'true')).toMatchObject({ code: 'TERMINATED' });
    for (const sandboxId of [other, freed])
      await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await Promise.all([one.kill('SIGTERM'), two.kill('SIGTERM')]);
  });
});
