import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.ts';
import type { Provider } from '../../../src/providers/types/provider.ts';
import { type Benched, completed, never, spec } from './subject.ts';

const silence = (): Promise<never> => new Promise(() => undefined);
const short = { health: 150, create: 150, connect: 150, list: 150, destroy: 150 };

/** A vendor that is slow, silent or talks nonsense costs time, and nothing else. */
export const testRefusals = (benched: Benched): void => {
  describe('a vendor that does not answer', () => {
    it('is refused at the deadline of each call', async () => {
      const { provider, deployment } = benched();
      const silent = completed(
        {
          ...provider,
          health: silence,
          create: silence,
          connect: silence,
          list: silence,
          destroy: silence,
        },
        deployment,
        short,
      );
      const late = { code: 'TIMEOUT', details: { provider: provider.name } };
      expect((await silent.health()).status).toBe('unavailable');
      await expect(silent.create(spec())).rejects.toMatchObject(late);
      await expect(silent.connect('any', spec())).rejects.toMatchObject(late);
      await expect(silent.list()).rejects.toMatchObject(late);
      await expect(silent.destroy('any')).rejects.toMatchObject(late);
    });

    it('is left with nothing when it answers a create after all', async () => {
      const { provider, deployment } = benched();
      const settled = Promise.withResolvers<void>();
      const slow: Provider = {
        ...provider,
        create: async (own) => {
          const handle = await provider.create(own, never);
          await new Promise((resolve) => setTimeout(resolve, 200));
          return {
            ...handle,
            destroy: (signal) => handle.destroy(signal).finally(() => settled.resolve()),
          };
        },
      };
      const one = spec();
      await expect(completed(slow, deployment, { create: 100 }).create(one)).rejects.toMatchObject({
        code: 'TIMEOUT',
      });
      await settled.promise;
      const living = (await provider.list(never)).filter(({ state }) => state !== 'ended');
      expect(living.map(({ id }) => id)).not.toContain(one.id);
    });

    it('is asked again where that changes nothing, and only there', async () => {
      const { provider, deployment, handle } = benched();
      const asked = { list: 0, create: 0 };
      const flaky = completed(
        {
          ...provider,
          list: async (signal) => {
            asked.list += 1;
            if (asked.list < 3) throw new Error('connection reset');
            return provider.list(signal);
          },
          create: async () => {
            asked.create += 1;
            throw new Error('connection reset');
          },
        },
        deployment,
      );
      expect((await flaky.list()).map(({ ref }) => ref)).toContain(handle.ref);
      await expect(flaky.create(spec())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(asked).toEqual({ list: 3, create: 1 });
    });

    it('shows nothing of what its client threw, and no nonsense of its answers', async () => {
      const { provider, deployment } = benched();
      const odd = completed(
        {
          ...provider,
          health: async () => ({ status: 'splendid', reason: 7 }) as never,
          create: async () => {
            throw new Error('POST https://key:s3cret@vendor.example failed');
          },
          list: async () =>
            [
              null,
              { ref: 'r1', id: 'sbx_1', deployment: 'another', state: 'running' },
              { ref: 'r2', id: 'sbx_2', deployment, createdAt: Number.NaN, state: 'sleeping' },
            ] as never,
        },
        deployment,
      );
      expect((await odd.health()).status).toBe('unavailable');
      const failure = await odd.create(spec()).catch((error: Error) => error);
      expect((failure as Error).message).not.toContain('s3cret');
      expect(await odd.list()).toEqual([
        {
          ref: 'r2',
          id: 'sbx_2',
          deployment,
          createdAt: null,
          expiresAt: null,
          state: 'unknown',
        },
      ]);
    });

    it('of its processes and numbers only takes what makes sense', async () => {
      const { provider, deployment } = benched();
      const odd = completed(
        {
          ...provider,
          create: async (...given) => {
            const made = await provider.create(...given);
            return {
              ...made,
              usage: async () => ({ cpuSeconds: -1, memoryBytes: 'all', processes: 2.4 }) as never,
              spawn: async () => ({
                ref: 'odd',
                pid: null,
                exit: Promise.resolve({ kind: 'EXPLODED' }) as never,
                output: (async function* () {
                  yield { kind: 'output', stream: 'stdout', bytes: Buffer.from('a'), position: 1 };
                  yield { kind: 'output', stream: 'stdout', bytes: Buffer.from('a'), position: 1 };
                  yield { kind: 'output', stream: 'video', bytes: Buffer.from('b'), position: 2 };
                  yield 'nonsense';
                  throw new Error('broken pipe');
                })() as never,
              }),
            };
          },
        },
        deployment,
      );
      const made = await odd.create(spec());
      expect(await made.usage()).toMatchObject({
        cpuSeconds: null,
        memoryBytes: null,
        processes: 2,
      });
      const process = await made.spawn({ id: newId('prc'), argv: ['true'], env: {} });
      const seen: string[] = [];
      for await (const chunk of process.output)
        seen.push(chunk.kind === 'output' ? String(Buffer.from(chunk.bytes)) : chunk.kind);
      expect(seen).toEqual(['a', 'lost']);
      expect(await process.exit).toMatchObject({ kind: 'LOST' });
      await made.destroy();
    });
  });
};
