import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createSealer } from '../../src/lib/sealed.ts';
import { openProvider } from '../../src/providers/local/local.ts';
import { completed, type Vendor } from '../conformance/provider/subject.ts';

export const openLocalIn = (stateDir: string, deployment: string, warm = 0) =>
  openProvider(
    {
      deployment,
      stateDir,
      sealer: createSealer('a secret of these tests'),
      defaultLimits: { cpus: 1, memoryBytes: 2 ** 29, diskBytes: 2 ** 30, processes: 256 },
      log: pino({ level: 'silent' }),
    },
    { SANDBANK_WARM_SANDBOXES: warm },
  );

const newStateDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'sandbank-local-'));

/** This host as a vendor. */
export const startLocal = async (): Promise<Vendor> => {
  const stateDir = await newStateDir();
  return {
    open: (deployment) => openLocalIn(stateDir, deployment),
    close: () => rm(stateDir, { recursive: true, force: true }),
  };
};

/** A local provider with a state directory of its own, as the pool sees it. */
export const openLocal = async () => {
  const stateDir = await newStateDir();
  const deployment = 'local-tests';
  const provider = completed(await openLocalIn(stateDir, deployment), deployment);
  return {
    stateDir,
    provider,
    async close() {
      await provider.dispose();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};
