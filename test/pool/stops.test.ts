import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../helpers/fleet.ts';
import { alice, deployment, newStateDir, openService } from '../helpers/sandbox-service.ts';
import {
  createSharedVendor,
  holdAnswers,
  vendorLog,
  vendorRefs,
} from '../helpers/shared-vendor.ts';

describe('a server that stops while sandboxes are created', () => {
  it('gives them up, says so in their rows, and destroys what came late', async () => {
    const [folder, stateDir] = [await newStateDir(), await newStateDir()];
    const vendors = [createSharedVendor(folder, deployment)];
    const open = await openService(stateDir, { vendors });
    const hold = holdAnswers(folder);
    const creates = Array.from({ length: 20 }, () => open.service.create(alice, {}));
    const outcomes = Promise.allSettled(creates);
    await until(() => vendorLog(folder).filter(({ what }) => what === 'created').length === 20);
    await open.close();
    const codes = (await outcomes).map((one) => one.status === 'rejected' && one.reason.code);
    expect(new Set(codes)).toEqual(new Set(['UNAVAILABLE']));
    hold.release();
    await until(() => vendorRefs(folder).length === 0);
    const again = await openService(stateDir, { vendors });
    const page = { limit: 99, descending: false };
    const rows = await again.service.page(alice, {}, 'createdAt', page);
    const ends = rows.map(({ state, terminationReason }) => `${state} ${terminationReason}`);
    expect(ends).toEqual(Array.from({ length: 20 }, () => 'FAILED CREATE_FAILED'));
    await again.end();
  });

  it('leaves no local sandbox of them', async () => {
    const stateDir = await newStateDir();
    const open = await openService(stateDir);
    const create = open.service.create(alice, {});
    const outcome = Promise.allSettled([create]);
    const folders = () => {
      try {
        return readdirSync(join(stateDir, 'local', 'sandboxes'));
      } catch {
        return [];
      }
    };
    await until(() => folders().length > 0);
    await open.close();
    expect((await outcome)[0]).toMatchObject({ status: 'rejected' });
    expect(folders()).toEqual([]);
    const again = await openService(stateDir);
    const [row] = await again.service.page(alice, {}, 'createdAt', { limit: 9, descending: true });
    expect(row).toMatchObject({ state: 'FAILED', terminationReason: 'CREATE_FAILED' });
    await again.end();
  });

  it('begins none any more', async () => {
    const folder = await newStateDir();
    const vendors = [createSharedVendor(folder, deployment)];
    const open = await openService(await newStateDir(), { vendors });
    await open.service.dispose();
    await expect(open.service.create(alice, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(vendorLog(folder)).toEqual([]);
    await open.close();
  });
});
