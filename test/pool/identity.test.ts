import { cp, mkdir as makeFolder, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSealer } from '../../src/lib/sealed.ts';
import { lockStateDir } from '../../src/lib/state-lock.ts';
import { establishIdentity } from '../../src/pool/identity.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

describe('the identity of a server', () => {
  let root = '';
  let stateDir = '';
  let databaseDir = '';
  const stores: Store[] = [];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sandbank-identity-'));
    stateDir = join(root, 'state');
    databaseDir = join(root, 'database');
    await mkdir(stateDir);
    await mkdir(databaseDir);
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.dispose();
    await rm(root, { recursive: true, force: true });
  });
  const mkdir = async (folder: string): Promise<string> => {
    await makeFolder(folder, { recursive: true });
    return folder;
  };

  /** One start of a server, which is killed right after it. */
  const start = async ({ dir = stateDir, database = databaseDir, host = 'here' } = {}) => {
    const unlock = await lockStateDir(dir);
    const store = await openStore({ stateDir: database, sealer: createSealer('of these tests') });
    stores.push(store);
    try {
      const { servers } = store;
      return await establishIdentity({ servers, stateDir: dir, host, leaseMs: 60_000 });
    } finally {
      await unlock();
    }
  };
  const fileOf = (dir = stateDir): string => join(dir, 'server.json');

  it('stays, and each start has a higher epoch', async () => {
    const first = await start();
    expect(first).toMatchObject({ epoch: 1, doubt: null, predecessor: null });
    expect(await start()).toMatchObject({ id: first.id, epoch: 2, doubt: null });
    expect(await start()).toMatchObject({ id: first.id, epoch: 3, deployment: first.deployment });
  });

  it('stays when a start was killed before or after it was in the database', async () => {
    const { id, deployment } = await start();
    // Before: the file says that a start is on its way, the database has not seen it.
    await writeFile(fileOf(), JSON.stringify({ id, deployment, epoch: 1, next: 2 }));
    expect(await start()).toMatchObject({ id, epoch: 2, doubt: null });
    // After: the database has seen it, the file does not know yet.
    await writeFile(fileOf(), JSON.stringify({ id, deployment, epoch: 1, next: 2 }));
    expect(await start()).toMatchObject({ id, epoch: 3, doubt: null });
  });

  it('stays when its first start was killed before it was in the database', async () => {
    const { deployment } = await start({ dir: await mkdir(join(root, 'other')) });
    await writeFile(fileOf(), JSON.stringify({ id: 'srv_first', deployment, epoch: 0, next: 1 }));
    expect(await start()).toMatchObject({ id: 'srv_first', epoch: 1, doubt: null });
  });

  it('is another one, in doubt, in a copied state directory', async () => {
    const { id } = await start();
    const dir = join(root, 'copy');
    await cp(stateDir, dir, { recursive: true, preserveTimestamps: true });
    const copy = await start({ dir });
    expect(copy).toMatchObject({ epoch: 1, predecessor: id });
    expect(copy.doubt).toContain('is a copy');
    expect(copy.id).not.toBe(id);
    expect(await start({ dir })).toMatchObject({ id: copy.id, epoch: 2, doubt: copy.doubt });
    expect(await start()).toMatchObject({ id, epoch: 2, doubt: null });
    await stores[0]?.servers.confirm(copy.id);
    expect(await start({ dir })).toMatchObject({ id: copy.id, doubt: null, predecessor: id });
  });

  it.each([
    [
      'a copied database',
      (from: string, to: string) => cp(from, to, { recursive: true }),
      /is a copy/,
    ],
    ['an empty one', async () => undefined, /belongs to another database/],
  ] as const)('is another one, in doubt, with %s', async (_, make, doubt) => {
    const { id } = await start();
    for (const store of stores.splice(0)) await store.dispose();
    const database = await mkdir(join(root, 'elsewhere'));
    await make(databaseDir, database);
    const found = await start({ database });
    expect(found.id).not.toBe(id);
    expect(found.doubt).toMatch(doubt);
  });

  it('is another one, in doubt, when the database was set back', async () => {
    const { id } = await start();
    for (const store of stores.splice(0)) await store.dispose();
    const backup = await readFile(join(databaseDir, 'sandbank.sqlite'));
    await start();
    for (const store of stores.splice(0)) await store.dispose();
    await rm(join(databaseDir, 'sandbank.sqlite-wal'), { force: true });
    await writeFile(join(databaseDir, 'sandbank.sqlite'), backup);
    const found = await start();
    expect(found).toMatchObject({ predecessor: id });
    expect(found.doubt).toContain('has seen 1 starts');
  });

  it('is another one, in doubt, on another host', async () => {
    const { id } = await start();
    const found = await start({ host: 'there' });
    expect(found).toMatchObject({ predecessor: id });
    expect(found.doubt).toContain('another host');
  });

  it('is in doubt from its first start where the database is a copy', async () => {
    await start();
    for (const store of stores.splice(0)) await store.dispose();
    const database = join(root, 'elsewhere');
    await cp(databaseDir, database, { recursive: true });
    const found = await start({ dir: await mkdir(join(root, 'new')), database });
    expect(found).toMatchObject({ epoch: 1, predecessor: null });
    expect(found.doubt).toContain('The database is a copy');
  });

  it('says what to do when its file is damaged', async () => {
    await start();
    await writeFile(fileOf(), '{"id":');
    await expect(start()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${fileOf()} is damaged`),
    });
  });
});
