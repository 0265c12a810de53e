import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.ts';
import { type Benched, completed, never, refusal, spec } from './subject.ts';

export const testEnds = (benched: Benched): void => {
  describe('the end', () => {
    it('loses its processes honestly and stays destroyed, however often it is asked', async () => {
      const { complete } = benched();
      const one = spec();
      const made = await complete.create(one);
      const process = await made.spawn({ id: newId('prc'), argv: ['sleep', '300'], env: {} });
      await made.destroy();
      await made.destroy();
      expect(await process.exit).toMatchObject({ kind: 'LOST', reason: 'SANDBOX_ENDED' });
      expect((await made.ended).reason).toBe('destroyed');
      await expect(made.spawn({ id: newId('prc'), argv: ['true'], env: {} })).rejects.toMatchObject(
        { code: 'UNAVAILABLE' },
      );
      await expect(complete.connect(made.ref, one)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('destroys again after a destroy that failed', async () => {
      const { provider, deployment } = benched();
      let failures = 3;
      const flaky = completed(
        {
          ...provider,
          create: async (...asked) => {
            const handle = await provider.create(...asked);
            return {
              ...handle,
              destroy: async (signal) => {
                if (failures-- > 0) throw new Error('the vendor is away');
                await handle.destroy(signal);
              },
            };
          },
        },
        deployment,
      );
      const made = await flaky.create(spec());
      const living = async (): Promise<string[]> =>
        (await provider.list(never)).filter(({ state }) => state !== 'ended').map(({ ref }) => ref);
      await expect(made.destroy()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await living()).toContain(made.ref);
      await made.destroy();
      expect(await living()).not.toContain(made.ref);
    });

    it('moves its expiration, or refuses where it is fixed', async () => {
      const { complete, provider } = benched();
      const one = spec();
      const made = await complete.create(one);
      const later = one.expiresAt + 3_600_000;
      const { extend } = provider.capabilities;
      if (extend === 'none')
        await expect(made.extendTo(later)).rejects.toMatchObject(refusal('extend', provider.name));
      else await made.extendTo(later);
      const listed = (await provider.list(never)).find(({ id }) => id === one.id);
      if (extend === 'server') expect(listed?.expiresAt).toBeNull();
      else
        expect(
          Math.abs(Number(listed?.expiresAt) - (extend === 'none' ? one.expiresAt : later)),
        ).toBeLessThan(2_000);
      await made.destroy();
    });

    it('ends by itself at its instant when no server is there to end it, or lives on where the vendor ends nothing', async () => {
      const { vendor, deployment, provider } = benched();
      const first = await vendor.open(deployment);
      const one = spec({ expiresAt: Date.now() + 4_000 });
      const { ref } = await completed(first, deployment).create(one);
      await first.dispose();
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      const second = await vendor.open(deployment);
      const connecting = second.connect(ref, never);
      if (provider.capabilities.extend === 'server') expect((await connecting).ref).toBe(ref);
      else await expect(connecting).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await second.destroy(ref, never).catch(() => undefined);
      await second.dispose();
    });
  });
};
