import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { newId } from '../src/lib/ids.ts';
import { createSealer } from '../src/lib/sealed.ts';
import { createLocalProvider } from '../src/providers/local/local.ts';
import type { SandboxHandle } from '../src/providers/provider.ts';

/** The local provider with no server around it: the baseline of what isolation itself costs. */
const limits = { cpus: 1, memoryBytes: 512 * 2 ** 20, diskBytes: 2 ** 30, processes: 256 };

export const openLocal = async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-bench-'));
  const provider = await createLocalProvider({
    stateDir,
    warm: 1,
    warmLimits: limits,
    leaseMs: 3_600_000,
    sealer: createSealer('a secret of the benchmark'),
    log: pino({ level: 'silent' }),
  });
  return {
    create: (): Promise<SandboxHandle> =>
      provider.create({
        id: newId('sbx'),
        template: 'default',
        env: {},
        limits,
        network: { mode: 'none', allow: [] },
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
