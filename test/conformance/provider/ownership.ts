import { describe, expect, it, vi } from 'vitest';
import type { Provider } from '../../../src/providers/types/provider.ts';
import { type Benched, bytesOf, collect, completed, LIFE_MS, never, spec } from './subject.ts';

/** Whose sandbox it is, and how one is found again. */
export const testOwnership = (benched: Benched): void => {
  describe('ownership', () => {
    it('is healthy and lists what it made under the id and the label it was given', async () => {
      const { complete, provider, deployment } = benched();
      expect((await complete.health()).status).toBe('healthy');
      const began = Date.now();
      const one = spec();
      const made = await complete.create(one);
      const listed = (await provider.list(never)).find(({ id }) => id === one.id);
      expect(listed).toMatchObject({ ref: made.ref, id: one.id, deployment, state: 'running' });
      if (listed?.createdAt !== null)
        expect(Math.abs(Number(listed?.createdAt) - began)).toBeLessThan(LIFE_MS / 2);
      if (provider.capabilities.extend !== 'server')
        expect(Math.abs(Number(listed?.expiresAt) - one.expiresAt)).toBeLessThan(2_000);
      await made.destroy();
      const after = (await provider.list(never)).filter(({ state }) => state !== 'ended');
      expect(after.map(({ ref }) => ref)).not.toContain(made.ref);
    });

    it('neither lists, connects to nor destroys what bears another deployment’s label', async () => {
      const { vendor, complete } = benched();
      const other = await vendor.open('another-deployment');
      const one = spec();
      const made = await complete.create(one);
      expect((await other.list(never)).map(({ ref }) => ref)).not.toContain(made.ref);
      await expect(other.connect(made.ref, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(other.destroy(made.ref, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await collect(made, ['echo', 'alive'])).exit.exitCode).toBe(0);
      await other.dispose();
      expect((await collect(made, ['echo', 'alive'])).exit.exitCode).toBe(0);
      await made.destroy();
    });

    it('finds a sandbox again that a server made which has let go of it', async () => {
      const { vendor, deployment } = benched();
      const first = await vendor.open(deployment);
      const one = spec();
      const { ref, files } = await completed(first, deployment).create(one);
      await files.write('kept', [Buffer.from('kept')]);
      await first.dispose();
      const second = completed(await vendor.open(deployment), deployment);
      expect((await second.list()).find(({ id }) => id === one.id)?.ref).toBe(ref);
      const again = await second.connect(ref, one);
      expect(String(await bytesOf(again.files.read('kept')))).toBe('kept');
      expect((await collect(again, ['bash', '-c', 'echo $GREETING'])).stdout.toString()).toBe(
        'hello\n',
      );
      await again.destroy();
      await second.dispose();
    });

    it('destroys by the ref alone, without a connection, and again', async () => {
      const { vendor, deployment } = benched();
      const first = await vendor.open(deployment);
      const made = await completed(first, deployment).create(spec());
      await first.dispose();
      const second = await vendor.open(deployment);
      await second.destroy(made.ref, never);
      const left = (await second.list(never)).filter(({ state }) => state !== 'ended');
      expect(left.map(({ ref }) => ref)).not.toContain(made.ref);
      await second.destroy(made.ref, never).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'NOT_FOUND' });
      });
      await expect(second.connect(made.ref, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await second.dispose();
    });

    it('leaves nothing of a create that was cancelled', async () => {
      const { complete, provider } = benched();
      const cancelled = spec();
      await expect(
        complete.create(cancelled, { signal: AbortSignal.abort() }),
      ).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      const late = spec();
      const stop = new AbortController();
      const creating = complete.create(late, { signal: stop.signal });
      stop.abort();
      await expect(creating).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await vi.waitFor(
        async () => {
          const living = (await provider.list(never)).filter(({ state }) => state !== 'ended');
          const ids = living.map(({ id }) => id);
          expect(ids).not.toContain(late.id);
          expect(ids).not.toContain(cancelled.id);
        },
        { timeout: 20_000, interval: 250 },
      );
    });

    it('lets go of what came too late when nobody can say who has it', async () => {
      const { provider, deployment } = benched();
      const answer = Promise.withResolvers<void>();
      const settled = Promise.withResolvers<string>();
      const create: Provider['create'] = async (one) => {
        const handle = await provider.create(one, never);
        await answer.promise;
        const detach = (): void => {
          handle.detach?.();
          settled.resolve('detached');
        };
        const destroy = async (): Promise<void> => settled.resolve('destroyed');
        return { ...handle, detach, destroy };
      };
      const late = completed({ ...provider, create }, deployment, { create: 200 });
      const one = spec();
      const isTaken = () => Promise.reject(new Error('The store is closed.'));
      await expect(late.create(one, { isTaken })).rejects.toMatchObject({ code: 'TIMEOUT' });
      answer.resolve();
      expect(await settled.promise).toBe('detached');
      const left = (await provider.list(never)).find(({ id }) => id === one.id);
      expect(left?.state).toBe('running');
      await provider.destroy(left?.ref ?? '', never);
    });

    it('does not know what it never made', async () => {
      const { complete, handle, provider } = benched();
      await expect(complete.connect('nothing', spec())).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await expect(provider.destroy('nothing', never)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await expect(handle.attach('prc_none', 'prc_none', 0)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });
  });
};
