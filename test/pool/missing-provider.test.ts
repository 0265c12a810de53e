import { describe, expect, it } from 'vitest';
import { until } from '../helpers/fleet.ts';
import { alice, deployment, newStateDir, openService } from '../helpers/sandbox-service.ts';
import { createSharedVendor, vendorRefs } from '../helpers/shared-vendor.ts';

describe('a sandbox at a provider that was taken out of the configuration', () => {
  it.each(['none', 'host'] as const)(
    'is kept until a server has the provider again (bound: %s)',
    async (bound) => {
      const [folder, stateDir] = [await newStateDir(), await newStateDir()];
      const leaseMs = 2_000;
      const stays = createSharedVendor(folder, deployment, 'stays');
      const vendor = createSharedVendor(folder, deployment, 'goes');
      const goes = { ...vendor, capabilities: { ...vendor.capabilities, bound } };
      const before = await openService(stateDir, { vendors: [goes, stays], leaseMs });
      const { row } = await before.service.create(alice, { provider: 'goes' });
      await before.close();

      const without = await openService(stateDir, { vendors: [stays], leaseMs });
      await without.takeUp();
      const refusal = {
        code: 'UNAVAILABLE',
        message: expect.stringContaining('SANDBANK_PROVIDERS'),
      };
      for (const call of [
        () => without.service.destroy(alice, row.id),
        () => without.service.usage(alice, row.id),
        () => without.service.access.open(alice, row.id, 'write'),
      ])
        await expect(call()).rejects.toMatchObject(refusal);
      expect(await without.service.get(alice, row.id)).toMatchObject({ state: 'READY' });
      await without.close();

      const again = await openService(stateDir, { vendors: [goes, stays], leaseMs });
      await again.takeUp();
      const { owner } = again.ownership.lease.fence;
      await until(async () => (await again.service.get(alice, row.id)).owner === owner);
      await again.service.destroy(alice, row.id);
      expect(vendorRefs(folder)).toEqual([]);
      await again.end();
    },
  );
});
