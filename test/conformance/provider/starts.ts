import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { newId } from '../../../src/lib/ids.ts';
import type { VendorHandle } from '../../../src/providers/types/handle.ts';
import type { Provider } from '../../../src/providers/types/provider.ts';
import { type Benched, bytesOf, collect, completed, never, spec } from './subject.ts';

/** The provider with another way to start a process, for answers that do not come as they should. */
const withSpawn = (
  provider: Provider,
  change: (handle: VendorHandle) => VendorHandle['spawn'],
): Provider => ({
  ...provider,
  create: async (...asked) => {
    const handle = await provider.create(...asked);
    return { ...handle, spawn: change(handle) };
  },
});

/** A vendor that says that it keeps timeouts, and does not. */
const withoutTimeout = (provider: Provider): Provider => {
  const { capabilities } = provider;
  const forget =
    (handle: VendorHandle): VendorHandle['spawn'] =>
    ({ timeoutMs: _, ...own }, signal) =>
      handle.spawn(own, signal);
  return {
    ...withSpawn(provider, forget),
    capabilities: { ...capabilities, limits: { ...capabilities.limits, time: 'enforced' } },
  };
};

export const testStarts = (benched: Benched): void => {
  describe('a start', () => {
    it('runs a process id once, whoever asks again', async () => {
      const { handle } = benched();
      const id = newId('prc');
      const argv = ['bash', '-c', 'echo x >> once; sleep 1'] as const;
      const [first, again] = await Promise.all([
        handle.spawn({ id, argv, env: {} }),
        handle.spawn({ id, argv, env: {} }),
      ]);
      const later = await handle.spawn({ id, argv, env: {} });
      expect([again.id, later.id]).toEqual([first.id, first.id]);
      for await (const _ of again.output);
      expect(String(await bytesOf(handle.files.read('once')))).toBe('x\n');
    });

    it('whose answer is lost is told as ambiguous, and never tried again', async () => {
      const { provider, deployment } = benched();
      let asked = 0;
      const complete = completed(
        withSpawn(provider, (handle) => async (own, signal) => {
          if (own.argv[0] !== 'touch') return handle.spawn(own, signal);
          asked += 1;
          const made = await handle.spawn(own, signal);
          for await (const _ of made.output);
          throw new Error('socket hang up');
        }),
        deployment,
      );
      const handle = await complete.create(spec());
      const id = newId('prc');
      const ambiguous = {
        code: 'UNAVAILABLE',
        retryable: false,
        details: { ambiguous: true, provider: provider.name },
      };
      const argv = ['touch', 'ran'] as const;
      await expect(handle.spawn({ id, argv, env: {} })).rejects.toMatchObject(ambiguous);
      await expect(handle.spawn({ id, argv, env: {} })).rejects.toMatchObject(ambiguous);
      expect(asked).toBe(1);
      expect(await handle.files.stat('ran')).not.toBeNull();
      await handle.destroy();
    });

    it('that answers after its deadline is told as ambiguous', async () => {
      const { provider, deployment } = benched();
      const complete = completed(
        withSpawn(provider, (handle) => (own, signal) => {
          if (own.argv[0] !== 'true') return handle.spawn(own, signal);
          return new Promise(() => undefined);
        }),
        deployment,
        { spawn: 200 },
      );
      const handle = await complete.create(spec());
      await expect(
        handle.spawn({ id: newId('prc'), argv: ['true'], env: {} }),
      ).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { ambiguous: true } });
      await handle.destroy();
    });

    it('that answers after its deadline is not ended once somebody has attached to it', async () => {
      const { provider, deployment } = benched();
      const { reattach } = provider.capabilities;
      // Where nothing can be attached to after the start was given up, nobody can have done so.
      if (reattach !== 'replay') return expect(['live', 'none']).toContain(reattach);
      const answer = Promise.withResolvers<void>();
      let ref = '';
      const complete = completed(
        withSpawn(provider, (handle) => async (own, signal) => {
          const made = await handle.spawn(own, own.argv[0] === 'bash' ? never : signal);
          if (own.argv[0] !== 'bash') return made;
          ref = made.ref;
          await answer.promise;
          return made;
        }),
        deployment,
        { spawn: 2_000 },
      );
      const handle = await complete.create(spec());
      const id = newId('prc');
      const argv = ['bash', '-c', 'until [ -e go ]; do sleep 0.05; done; exit 7'] as const;
      await expect(handle.spawn({ id, argv, env: {} })).rejects.toMatchObject({
        details: { ambiguous: true },
      });
      const attached = await handle.attach(id, ref, 0);
      answer.resolve();
      // Several calls to the vendor: a signal would have been sent before they are done.
      for (let n = 0; n < 3; n += 1) await collect(handle, ['true']);
      await handle.files.write('go', [Buffer.from('go')]);
      for await (const _ of attached.output);
      expect(await attached.exit).toMatchObject({ kind: 'EXITED', exitCode: 7 });
      await handle.destroy();
    });

    it('that was refused can be tried again', async () => {
      const { provider, deployment } = benched();
      let refusals = 1;
      const complete = completed(
        withSpawn(provider, (handle) => async (own, signal) => {
          if (own.argv[0] === 'echo' && refusals-- > 0)
            throw new AppError('UNAVAILABLE', 'Too many processes.');
          return handle.spawn(own, signal);
        }),
        deployment,
      );
      const handle = await complete.create(spec());
      const id = newId('prc');
      const argv = ['echo', 'second'] as const;
      const refused = await handle.spawn({ id, argv, env: {} }).catch((error: AppError) => error);
      expect(refused).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      expect(String((await collect(handle, argv, { id })).stdout)).toBe('second\n');
      await handle.destroy();
    });

    it('that outlives its timeout at a vendor that ignores it is ended by the server', async () => {
      const { provider, deployment } = benched();
      const deadlines = { overdue: 200, exit: 1_000 };
      const complete = completed(withoutTimeout(provider), deployment, deadlines);
      const handle = await complete.create(spec());
      const { exit } = await collect(handle, ['sleep', '300'], { timeoutMs: 200 });
      expect(exit.reason).toBe('TIMED_OUT');
      await handle.destroy();
    });

    it('that outlives its timeout is left to another server once its own has let go', async () => {
      const { provider, deployment, complete: other } = benched();
      const silent = withoutTimeout(provider);
      // A vendor that cannot let go tells of the process for as long as it runs.
      const create: Provider['create'] = async (...asked) => {
        const { detach: _, ...kept } = await silent.create(...asked);
        return kept;
      };
      const first = completed({ ...silent, create }, deployment, { overdue: 200 });
      const one = spec();
      const handle = await first.create(one);
      const argv = ['bash', '-c', 'sleep 2; echo done > finished; sleep 300'] as const;
      await handle.spawn({ id: newId('prc'), argv, env: {}, timeoutMs: 200 });
      handle.detach();
      const again = await other.connect(handle.ref, one);
      const waiting = 'until [ -s finished ]; do sleep 0.1; done';
      const { exit } = await collect(again, ['bash', '-c', waiting], { timeoutMs: 8_000 });
      expect(exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
      await again.destroy();
    });
  });
};
