import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSealer } from '../../src/lib/sealed.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { expectAgreement } from '../helpers/agreement.ts';
import { mutate } from '../helpers/client.ts';
import { freePort, type Launched, launch, launchedServer } from '../helpers/launch.ts';
import { createDatabase, type Database } from '../helpers/postgres.ts';

/** It is killed at one in so many statements; 1 for each of them, which takes a quarter of an hour. */
const STRIDE = Number(process.env.SANDBANK_TEST_KILL_STRIDE ?? 15);
const TENANT = 'acme';
const UNFINISHED = { states: ['QUEUED', 'CREATING', 'DESTROYING'] } as const;

describe.each(['SQLite', 'PostgreSQL'])('a server that is killed at any step, on %s', (kind) => {
  let stateDir = '';
  let database: Database | null = null;
  let store: Store;
  let running: Launched | null = null;
  const env: Record<string, string> = {
    ...{ SANDBANK_WARM_SANDBOXES: '0', SANDBANK_USAGE_SECONDS: '3600' },
    SANDBANK_LOG_LEVEL: 'error',
  };
  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-killed-'));
    if (kind === 'PostgreSQL') {
      database = await createDatabase();
      env.SANDBANK_DATABASE_URL = database.url;
    }
    const sealer = createSealer('a secret of these tests');
    store = await openStore({ stateDir, databaseUrl: database?.url, sealer });
  });
  afterAll(async () => {
    await running?.kill('SIGTERM');
    await store?.dispose();
    await database?.drop();
    await rm(stateDir, { recursive: true, force: true });
  });

  it('has state, events and usage agree, then and after the next start', async () => {
    const port = await freePort();
    const server = launchedServer(port);
    const killFile = join(stateDir, 'kill-at');
    const start = () =>
      launch(stateDir, port, 'test/helpers/killed-server.ts', {
        ...env,
        SANDBANK_TEST_KILL_FILE: killFile,
      });
    const live = async (): Promise<void> => {
      const labels = [{ key: 'team', value: 'core' }];
      const { sandbox } = await mutate(server, 'createSandbox', 'sandbox { id }', { labels });
      const sandboxId = sandbox.id;
      await mutate(server, 'exec', 'exitCode', { sandboxId, command: 'true' });
      const other = [{ key: 'team', value: 'edge' }];
      await mutate(server, 'updateSandbox', 'sandbox { id }', { sandboxId, labels: other });
      await mutate(server, 'extendSandbox', 'sandbox { id }', { sandboxId, timeoutSeconds: 900 });
      await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
    };

    let kills = 0;
    // Other steps for each database.
    const first = kind === 'SQLite' ? 1 : Math.ceil(STRIDE / 2);
    for (let step = first; ; step += STRIDE) {
      await rm(killFile, { force: true });
      running = await start();
      // What the kill before left is taken up or cleared away.
      await expect
        .poll(() => store.sandboxes.count(TENANT, UNFINISHED), { timeout: 30_000 })
        .toBe(0);
      await expectAgreement(store, TENANT);
      const alive = await store.sandboxes.page(TENANT, { states: ['READY'] }, 'createdAt', {
        limit: 10,
        descending: false,
      });
      for (const { id } of alive)
        await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: id });
      // Whole at once: the server may look at any moment.
      await writeFile(`${killFile}.new`, `${step}`);
      await rename(`${killFile}.new`, killFile);
      const isDone = await live().then(
        () => true,
        () => false,
      );
      if (isDone) break;
      await running.ended;
      kills += 1;
      await expectAgreement(store, TENANT);
    }
    expect(kills).toBeGreaterThan(40 / STRIDE);
    const rows = await expectAgreement(store, TENANT);
    expect(rows.every(({ endedAt }) => endedAt !== null)).toBe(true);
  }, 1_800_000);
});
