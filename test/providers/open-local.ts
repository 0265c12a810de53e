import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createSealer } from '../../src/lib/sealed.ts';
import { createLocalProvider } from '../../src/providers/local/local.ts';

/** A local provider with a state directory of its own. */
export const openLocal = async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-local-'));
  const provider = await createLocalProvider({
    stateDir,
    warm: 0,
    warmLimits: { cpus: 1, memoryBytes: 2 ** 29, diskBytes: 2 ** 30, processes: 256 },
    leaseMs: 600_000,
    sealer: createSealer('a secret of these tests'),
    log: pino({ level: 'silent' }),
  });
  return {
    stateDir,
    provider,
    async close() {
      await provider.dispose();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};
