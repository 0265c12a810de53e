import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/providers/types/provider.ts';
import { sandbox } from '../conformance/rows.ts';
import { until } from '../helpers/fleet.ts';
import { alice, deployment, newStateDir, openService } from '../helpers/sandbox-service.ts';
import { createSharedVendor, plantSandbox } from '../helpers/shared-vendor.ts';

describe('a start with a provider that hangs', () => {
  it('takes up the sandboxes of the others, their processes and what is abandoned meanwhile', async () => {
    const [folder, stateDir] = [await newStateDir(), await newStateDir()];
    const gate = Promise.withResolvers<never>();
    const hung: Partial<Provider> = { list: () => gate.promise, connect: () => gate.promise };
    const vendors = [
      { ...createSharedVendor(folder, deployment, 'hangs'), ...hung },
      createSharedVendor(folder, deployment, 'works'),
    ];
    const open = await openService(stateDir, { vendors, leaseMs: 4_000 });
    const { owner, epoch: ownerEpoch } = open.ownership.lease.fence;
    const owned = (provider: string, changes = {}) => {
      const row = sandbox({ provider, owner, ownerEpoch, ...changes });
      return { ...row, ref: plantSandbox(folder, row.id, deployment) };
    };
    const rows = [
      ...Array.from({ length: 20 }, () => owned('hangs')),
      owned('works'),
      owned('works', { owner: 'srv_gone' }),
    ];
    for (const row of rows) await open.store.sandboxes.insert(row);
    const [healthy, abandoned] = rows.slice(-2);
    const takenUp: (string | undefined)[] = [];
    const start = open.takeUp((id) => takenUp.push(id));
    await until(() => takenUp.includes(healthy?.id) && takenUp.includes(abandoned?.id));
    expect(open.pool.connected()).toEqual(expect.arrayContaining([healthy?.id, abandoned?.id]));
    expect(await open.service.get(alice, abandoned?.id ?? '')).toMatchObject({ owner });
    gate.reject(new Error('It is back, and broken.'));
    await start;
    await open.close();
  });
});
