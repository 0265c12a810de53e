import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sandbox } from '../conformance/rows.ts';
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
    await open.service.dispose();
    const codes = (await outcomes).map((one) => one.status === 'rejected' && one.reason.code);
    expect(new Set(codes)).toEqual(new Set(['UNAVAILABLE']));
    hold.release();
    await until(() => vendorRefs(folder).length === 0);
    await open.close();
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

  it('admits no more of the queue, and leaves none of it half-way', async () => {
    const folder = await newStateDir();
    const [inRound, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let admits = 0;
    const open = await openService(await newStateDir(), {
      vendors: [createSharedVendor(folder, deployment)],
      disturb: (real) => ({
        ...real,
        sandboxes: {
          ...real.sandboxes,
          async admit(...asked) {
            admits += 1;
            if (admits === 3) inRound.resolve();
            if (admits >= 3) await gate.promise;
            return real.sandboxes.admit(...asked);
          },
        },
      }),
    });
    const hold = holdAnswers(folder);
    const now = Date.now();
    const rows = Array.from({ length: 10 }, () =>
      sandbox({ state: 'QUEUED', provider: 'shared', createdAt: now, queuedAt: now }),
    );
    for (const row of rows) await open.store.sandboxes.insert(row);
    await inRound.promise;
    const stopped = open.service.dispose();
    gate.resolve();
    await stopped;
    const ids = rows.map(({ id }) => id);
    const found = await open.store.sandboxes.findMany('acme', ids);
    const ends = found.map((row) => `${row?.state} ${row?.terminationReason}`).sort();
    expect(ends).toEqual([
      ...Array.from({ length: 3 }, () => 'FAILED CREATE_FAILED'),
      ...Array.from({ length: 7 }, () => 'QUEUED null'),
    ]);
    hold.release();
    await open.close();
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
