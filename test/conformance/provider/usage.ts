import { describe, expect, it } from 'vitest';
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

    it('refuses a network mode it does not have before anything is made', async (test) => {
      const { provider, complete } = benched();
      const lacking = (['none', 'allow-list', 'full'] as const).find(
        (mode) => !provider.capabilities.networkModes.includes(mode),
      );
      if (lacking === undefined) return test.skip('it has them all');
      const one = spec({ network: { mode: lacking, allow: [] } });
      await expect(complete.create(one)).rejects.toMatchObject(
        refusal(`network.${lacking}`, provider.name),
      );
      expect((await complete.list()).map(({ id }) => id)).not.toContain(one.id);
    });
  });
};
