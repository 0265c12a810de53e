import { describe, expect, it } from 'vitest';
import { networkModes } from '../../../src/providers/types/capabilities.ts';
import { type Benched, collect, refusal, spec } from './subject.ts';

export const testUsage = (benched: Benched): void => {
  describe('usage', () => {
    it('measures what is used, and says who enforces the limits', async () => {
      const { handle } = benched();
      await collect(handle, ['python3', '-c', 'sum(range(3_000_000))']);
      const usage = await handle.usage();
      expect(usage.limits).toEqual(spec().limits);
      // A number that a vendor does not give is null, never an invented 0.
      if (usage.cpuSeconds !== null) expect(usage.cpuSeconds).toBeGreaterThan(0);
      if (usage.memoryBytes !== null) expect(usage.memoryBytes).toBeGreaterThan(0);
      expect(Object.values(usage.enforcement).every((text) => text.length > 0)).toBe(true);
    });

    it('gives numbers for the limits that it says are enforced', async () => {
      const { provider, handle } = benched();
      const { limits } = provider.capabilities;
      const usage = await handle.usage();
      if (limits.cpu === 'enforced') expect(usage.cpuSeconds).toBeGreaterThan(0);
      if (limits.memory === 'enforced') expect(usage.memoryBytes).toBeGreaterThan(0);
    });

    it('makes a sandbox for each network mode it has, and nothing for the others', async () => {
      const { provider, complete } = benched();
      for (const mode of networkModes) {
        const one = spec({ network: { mode, allow: [] } });
        const made = complete.create(one);
        const has = provider.capabilities.networkModes.includes(mode);
        if (has) await (await made).destroy();
        else await expect(made).rejects.toMatchObject(refusal(`network.${mode}`, provider.name));
        const living = (await complete.list()).filter(({ state }) => state !== 'ended');
        expect(living.map(({ id }) => id)).not.toContain(one.id);
      }
    });
  });
};
