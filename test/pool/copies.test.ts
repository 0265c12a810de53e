import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { ask, mutate, newSandbox } from '../helpers/client.ts';
import { LEASE_MS, openFleet, sandboxOf, until, withFleet } from '../helpers/fleet.ts';
import { runProgram } from '../helpers/launch.ts';
import { vendorLog, vendorRefs } from '../helpers/shared-vendor.ts';
import { type PostgresService, startPostgres } from '../services/postgres.ts';

const LIMIT_MS = 600_000;
const WARNING = 'may be a copy';

/** As an operator copies it, with times, owners and sockets. */
const copyFolder = async (from: string, to: string): Promise<void> => {
  await rm(to, { recursive: true, force: true });
  await promisify(execFile)('cp', ['-a', from, to]);
};

describe.concurrent('a copy of a server or of its database', () => {
  let postgres: PostgresService;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  it(
    'serves from a copied state folder, and acts on nothing it finds until an operator confirms it',
    () =>
      withFleet(postgres.url, { vendor: true }, async (fleet, database, vendor) => {
        const one = await fleet.member();
        const sandboxId = await newSandbox(one);
        const short = await newSandbox(one, { timeoutSeconds: 60 });
        const folder = join(await fleet.newFolder(), 'copy');
        await copyFolder(one.stateDir, folder);
        const copy = await fleet.member({ stateDir: folder });
        expect(copy.log()).toContain(WARNING);
        const exec = (server: typeof one, id: string) =>
          mutate(server, 'exec', 'stdout', { sandboxId: id, argv: ['lines', '1'] });
        const made = await newSandbox(copy);
        expect(await exec(copy, made)).toMatchObject({ stdout: 'line 1\n' });
        expect(await exec(copy, sandboxId)).toMatchObject({ code: 'WRONG_SERVER' });
        await sleep(2 * LEASE_MS);
        expect(await exec(one, sandboxId)).toMatchObject({ stdout: 'line 1\n' });

        await one.kill('SIGKILL');
        await until(async () => Number((await sandboxOf(database, short)).expiresAt) < Date.now());
        await sleep(2 * LEASE_MS);
        for (const id of [sandboxId, short])
          expect(await sandboxOf(database, id)).toMatchObject({ state: 'READY' });
        expect(vendorLog(vendor).filter(({ what }) => what === 'destroyed')).toEqual([]);
        expect(await exec(copy, sandboxId)).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
        expect(await runProgram(['server', 'list'], copy.env)).toContain(WARNING);

        expect(await runProgram(['server', 'confirm'], copy.env)).toContain('is confirmed');
        await until(async () => (await sandboxOf(database, short)).state === 'TERMINATED');
        await until(async () => 'stdout' in (await exec(copy, sandboxId)));
        expect(await runProgram(['server', 'list'], copy.env)).not.toContain(WARNING);
      }),
    LIMIT_MS,
  );

  it(
    'never ends the local sandboxes of a running original, not even when it is confirmed by mistake',
    async () => {
      const fleet = openFleet();
      try {
        const one = await fleet.member({ env: { SANDBANK_WARM_SANDBOXES: '1' } });
        const sandboxId = await newSandbox(one);
        const run = (server: typeof one, command: string) =>
          mutate(server, 'exec', 'stdout', { sandboxId, command });
        await run(one, 'echo kept > note; (sleep 3600 &)');
        const folder = join(await fleet.newFolder(), 'copy');
        // The file of the database must be copied as it is at one moment.
        one.signal('SIGSTOP');
        await copyFolder(one.stateDir, folder);
        one.signal('SIGCONT');
        const copy = await fleet.member({ stateDir: folder });
        expect(copy.log()).toContain(WARNING);
        await sleep(2 * LEASE_MS);
        const found = 'query ($id: ID!) { sandbox(id: $id) { state } }';
        expect((await ask(copy, found, { id: sandboxId })).sandbox).toMatchObject({
          state: 'READY',
        });
        expect(await run(copy, 'cat note')).toMatchObject({ code: 'UNAVAILABLE' });
        expect(await run(one, 'cat note')).toMatchObject({ stdout: 'kept\n' });
        await runProgram(['server', 'confirm'], copy.env);
        await until(
          async () => (await ask(copy, found, { id: sandboxId })).sandbox.state === 'TERMINATED',
        );
        expect(await run(one, 'cat note; pgrep -c sleep')).toMatchObject({ stdout: 'kept\n1\n' });
        await mutate(one, 'destroySandbox', 'sandbox { id }', { sandboxId });
        await Promise.all([one.kill('SIGTERM'), copy.kill('SIGTERM')]);
      } finally {
        await fleet.end();
      }
    },
    LIMIT_MS,
  );

  it(
    'expires and removes nothing in a copied database until an operator confirms it',
    () =>
      withFleet(postgres.url, { vendor: true }, async (fleet, database, vendor) => {
        const one = await fleet.member();
        const sandboxId = await newSandbox(one, { timeoutSeconds: 30 });
        await one.kill('SIGTERM');
        const name = newId('req');
        const admin = new Client({ connectionString: postgres.url });
        await admin.connect();
        await admin.query(
          `create database ${name} template ${new URL(database).pathname.slice(1)}`,
        );
        const copied = new URL(database);
        copied.pathname = `/${name}`;
        try {
          const same = await fleet.member({ stateDir: one.stateDir, database: copied.href });
          const fresh = await fleet.member({ database: copied.href });
          for (const server of [same, fresh]) expect(server.log()).toContain(WARNING);
          await until(
            async () => Number((await sandboxOf(copied.href, sandboxId)).expiresAt) < Date.now(),
          );
          await sleep(2 * LEASE_MS);
          expect(await sandboxOf(copied.href, sandboxId)).toMatchObject({ state: 'READY' });
          expect(vendorRefs(vendor)).toHaveLength(1);
          await runProgram(['server', 'confirm'], fresh.env);
          await until(async () => (await sandboxOf(copied.href, sandboxId)).state === 'TERMINATED');
          expect(vendorRefs(vendor)).toEqual([]);
          await Promise.all([same.kill('SIGTERM'), fresh.kill('SIGTERM')]);
        } finally {
          await admin.query(`drop database ${name} with (force)`);
          await admin.end();
        }
      }),
    LIMIT_MS,
  );
});
