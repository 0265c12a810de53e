import { afterAll, beforeAll, describe } from 'vitest';
import { testEnds } from './ends.ts';
import { testFiles } from './files.ts';
import { testInput } from './input.ts';
import { testOutput } from './output.ts';
import { testOwnership } from './ownership.ts';
import { testPorts } from './ports.ts';
import { testProcesses } from './processes.ts';
import { testReattach } from './reattach.ts';
import { testRefusals } from './refusals.ts';
import { testStarts } from './starts.ts';
import { type Bench, completed, type ProviderSubject, spec } from './subject.ts';
import { testUsage } from './usage.ts';

/** What every provider owes. `capabilities` decides which half of a pair runs: what a provider has works, what it has not is refused. */
export const testProvider = ({ name, start }: ProviderSubject): void => {
  describe(`provider ${name}`, () => {
    const deployment = 'deployment-of-the-suite';
    let bench: Bench;
    beforeAll(async () => {
      const vendor = await start();
      const provider = await vendor.open(deployment);
      const complete = completed(provider, deployment);
      bench = { vendor, deployment, provider, complete, handle: await complete.create(spec()) };
    });
    afterAll(async () => {
      await bench?.handle.destroy();
      await bench?.complete.dispose();
      await bench?.vendor.close();
    });

    for (const group of [
      testProcesses,
      testOutput,
      testInput,
      testStarts,
      testReattach,
      testFiles,
      testPorts,
      testUsage,
      testOwnership,
      testEnds,
      testRefusals,
    ])
      group(() => bench);
  });
};
