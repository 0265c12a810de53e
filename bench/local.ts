import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { newId } from '../src/lib/ids.ts';
import { createSealer } from '../src/lib/sealed.ts';
import { completeProvider } from '../src/providers/complete/provider.ts';
import { openProvider } from '../src/providers/local/local.ts';
import type { SandboxHandle } from '../src/providers/types/handle.ts';

/** The local provider with no server around it: the baseline of what isolation itself costs. */
const limits = { cpus: 1, memoryBytes: 512 * 2 ** 20, diskBytes: 2 ** 30, processes: 256 };

export const openLocal = async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-bench-'));
  const deployment = 'benchmark';
  const log = pino({ level: 'silent' });
  const sealer = createSealer('a secret of the benchmark');
  const vendor = await openProvider(
    { deployment, stateDir, defaultLimits: limits, sealer, log },
    { SANDBANK_WARM_SANDBOXES: 1 },
  );
  const provider = completeProvider(vendor, { deployment, log });
  return {
    create: (): Promise<SandboxHandle> =>
      provider.create({
        id: newId('sbx'),
        template: 'default',
        env: {},
        limits,
        network: { mode: 'none', allow: [] },
        expiresAt: Date.now() + 3_600_000,
        ports: [],
        labels: {},
      }),
    async runTrue(handle: SandboxHandle, id: string): Promise<void> {
      const child = await handle.spawn({ id, argv: ['true'], env: {} });
      for await (const _ of child.output);
      const exit = await child.exit;
      if (exit.exitCode !== 0) throw new Error(`true ended with ${JSON.stringify(exit)}`);
      await child.release();
    },
    async dispose(): Promise<void> {
      await provider.dispose();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};
