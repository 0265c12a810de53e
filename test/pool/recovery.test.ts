import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { loadState } from '../../src/providers/local/state.ts';
import { sandbox } from '../conformance/rows.ts';
import {
  alice,
  deployment,
  newStateDir,
  type OpenService,
  openService,
} from '../helpers/sandbox-service.ts';
import { createSharedVendor, plantSandbox } from '../helpers/shared-vendor.ts';

describe('a service that starts again', async () => {
  const stateDir = await newStateDir();
  let open: OpenService = await openService(stateDir);
  afterAll(() => open.end());

  const again = async (between: () => Promise<void> | void = () => undefined): Promise<void> => {
    await open.close();
    await between();
    open = await openService(stateDir);
    await open.takeUp();
  };
  const refOf = async (id: string): Promise<string> =>
    (await open.service.get(alice, id)).ref ?? '';

  it('adopts what lives, with its files and its environment', async () => {
    const { row } = await open.service.create(alice, { env: { KEPT: 'yes' } });
    const before = await open.service.access.open(alice, row.id, 'write');
    await before.handle.files.write('note', [Buffer.from('here')]);
    await again();
    const { handle } = await open.service.access.open(alice, row.id, 'write');
    const child = await handle.spawn({
      id: newId('prc'),
      argv: ['sh', '-c', 'echo $KEPT; cat note'],
      env: {},
    });
    let text = '';
    for await (const chunk of child.output)
      if (chunk.kind === 'output') text += Buffer.from(chunk.bytes);
    expect(text).toBe('yes\nhere');
    await open.service.destroy(alice, row.id);
  });

  it('tells of one that ended while nobody looked, once', async () => {
    const { row } = await open.service.create(alice, {});
    const state = loadState(join(stateDir, 'local', 'sandboxes', await refOf(row.id)));
    await again(() => void process.kill(state?.inner ?? 0, 'SIGKILL'));
    const events = await open.told(row.id, ['sandbox-destroyed']);
    expect(events.at(-1)).toMatchObject({ kind: 'sandbox-destroyed', reason: 'LOST' });
    await again();
    const kinds = (await open.told(row.id, ['sandbox-destroyed'])).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'sandbox-destroyed')).toHaveLength(1);
    expect(await open.provider.list()).toEqual([]);
  });

  it('reports what no row tells of, and finishes what was left half-destroyed or half-made', async () => {
    const limits = { cpus: 1, memoryBytes: 2 ** 28, diskBytes: 2 ** 28, processes: 64 };
    const unknown = await open.provider.create({
      id: newId('sbx'),
      template: 'default',
      env: {},
      limits,
      network: { mode: 'none', allow: [] },
      expiresAt: Date.now() + 600_000,
      ports: [],
      labels: {},
    });
    const { row: destroying } = await open.service.create(alice, {});
    const { row: creating } = await open.service.create(alice, {});
    await open.store.sandboxes.update('acme', destroying.id, { state: 'DESTROYING' });
    // As a kill leaves it between the provider's answer and the note of it: made, and not known to be.
    await open.store.sandboxes.update('acme', creating.id, {
      state: 'CREATING',
      ref: null,
      readyAt: null,
    });
    await again();
    expect(await open.service.get(alice, destroying.id)).toMatchObject({ state: 'TERMINATED' });
    expect(await open.service.get(alice, creating.id)).toMatchObject({ state: 'READY' });
    const left = (await open.provider.list()).map(({ ref }) => ref);
    expect(left.toSorted()).toEqual([await refOf(creating.id), unknown.ref].toSorted());
    expect(await open.store.orphans.list()).toMatchObject([{ ref: unknown.ref, removeAt: null }]);
    await open.service.destroy(alice, creating.id);
    await open.store.orphans.remove([unknown.ref], Date.now());
    await again();
    expect(await open.provider.list()).toEqual([]);
  });

  it('fails what was never made, and ends what is over', async () => {
    const { row } = await open.service.create(alice, {});
    const never = { ...row, id: newId('sbx'), ref: null, state: 'CREATING' as const };
    await open.store.sandboxes.insert(never);
    await open.store.sandboxes.update('acme', row.id, { expiresAt: Date.now() - 1 });
    await again();
    expect(await open.service.get(alice, never.id)).toMatchObject({
      state: 'FAILED',
      terminationReason: 'CREATE_FAILED',
    });
    await open.told(row.id, ['sandbox-destroyed']);
    expect(await open.service.get(alice, row.id)).toMatchObject({ terminationReason: 'EXPIRED' });
  });
});

describe('a start with many half-made sandboxes', () => {
  it('asks their provider for one list of all, and adopts them', async () => {
    const folder = await newStateDir();
    const vendor = createSharedVendor(folder, deployment);
    let lists = 0;
    const list: typeof vendor.list = (signal) => {
      lists += 1;
      return vendor.list(signal);
    };
    const open = await openService(await newStateDir(), { vendors: [{ ...vendor, list }] });
    const { owner, epoch: ownerEpoch } = open.ownership.lease.fence;
    const state = 'CREATING' as const;
    const rows = Array.from({ length: 40 }, () =>
      sandbox({ provider: 'shared', owner, ownerEpoch, state, ref: null }),
    );
    for (const row of rows) {
      plantSandbox(folder, row.id, deployment);
      await open.store.sandboxes.insert(row);
    }
    await open.takeUp();
    const ids = rows.map(({ id }) => id);
    const found = await open.store.sandboxes.findMany('acme', ids);
    expect(new Set(found.map((row) => row?.state))).toEqual(new Set(['READY']));
    // One for what is left of lost sandboxes, one for these.
    expect(lists).toBe(2);
    await open.end();
  });
});
