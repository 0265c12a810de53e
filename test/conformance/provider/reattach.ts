import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.ts';
import { type Benched, completed, spec } from './subject.ts';

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
  });
};
