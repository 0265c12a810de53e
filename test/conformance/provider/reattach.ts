import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.ts';
import type { VendorHandle } from '../../../src/providers/types/handle.ts';
import type { Provider } from '../../../src/providers/types/provider.ts';
import { type Benched, completed, spec, type Vendor } from './subject.ts';

/** The vendor with a `timeoutMs` that it does not keep. */
const withoutTimeouts = async (vendor: Vendor, deployment: string): Promise<Provider> => {
  const provider = await vendor.open(deployment);
  const forget = (handle: VendorHandle): VendorHandle => ({
    ...handle,
    spawn: ({ timeoutMs: _, ...own }, signal) => handle.spawn(own, signal),
  });
  return {
    ...provider,
    create: async (...asked) => forget(await provider.create(...asked)),
    connect: async (...asked) => forget(await provider.connect(...asked)),
  };
};

/** What a later server gets of a process that an earlier one started. */
export const testReattach = (benched: Benched): void => {
  describe('a process that outlives its server', () => {
    it('is found again by its ref as far as the mode says', async () => {
      const { vendor, deployment, provider } = benched();
      const { reattach } = provider.capabilities;
      const first = completed(await vendor.open(deployment), deployment);
      const one = spec();
      const made = await first.create(one);
      const script = 'echo one; sleep 3; echo two; sleep 1; exit 5';
      const argv = ['bash', '-c', script] as const;
      const { id, ref, output } = await made.spawn({ id: newId('prc'), argv, env: {} });
      let position = 0;
      if (reattach !== 'none')
        for await (const chunk of output) {
          position = chunk.position;
          break;
        }
      await first.dispose();
      const second = completed(await vendor.open(deployment), deployment);
      const again = await second.connect(made.ref, one);
      if (reattach === 'none')
        await expect(again.attach(id, ref, position)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      else {
        const process = await again.attach(id, ref, position);
        const seen: string[] = [];
        for await (const chunk of process.output) {
          expect(chunk.position).toBeGreaterThan(position);
          ({ position } = chunk);
          seen.push(chunk.kind === 'lost' ? 'lost' : String(Buffer.from(chunk.bytes)));
        }
        expect(seen.join('')).toBe(reattach === 'replay' ? 'two\n' : 'losttwo\n');
        expect(await process.exit).toMatchObject({ kind: 'EXITED', exitCode: 5 });
      }
      await again.destroy();
      await second.dispose();
    });

    it('is ended at its timeout by the server that attached to it, also where the vendor has no timeout', async () => {
      const { vendor, deployment } = benched();
      const first = completed(await withoutTimeouts(vendor, deployment), deployment);
      const one = spec();
      const made = await first.create(one);
      const startedAt = Date.now();
      const argv = ['bash', '-c', 'echo up; sleep 300'] as const;
      const { id, ref, output } = await made.spawn({ id: newId('prc'), argv, env: {} });
      let position = 0;
      if (first.capabilities.output !== 'at-end')
        for await (const chunk of output) {
          ({ position } = chunk);
          break;
        }
      await first.dispose();
      const second = completed(await withoutTimeouts(vendor, deployment), deployment, {
        overdue: 300,
        exit: 2_000,
      });
      const again = await second.connect(made.ref, one);
      const attaching = again.attach(id, ref, position, { timeoutMs: 200, startedAt });
      if (first.capabilities.reattach === 'none')
        await expect(attaching).rejects.toMatchObject({ code: 'NOT_FOUND' });
      else {
        const process = await attaching;
        for await (const _ of process.output);
        expect((await process.exit).reason).toBe('TIMED_OUT');
      }
      await again.destroy();
      await second.dispose();
    });
  });
};
