import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createCursors } from '../../src/journal/cursor.ts';
import { createSealer } from '../../src/lib/sealed.ts';
import { lockStateDir } from '../../src/lib/state-lock.ts';
import { builtInPlans, type Plan } from '../../src/limits/plans.ts';
import { createQuotas } from '../../src/limits/quotas.ts';
import { openOwnership } from '../../src/pool/ownership.ts';
import { createPool } from '../../src/pool/pool.ts';
import type { Deadlines } from '../../src/providers/complete/deadlines.ts';
import { completeProvider } from '../../src/providers/complete/provider.ts';
import { openProvider } from '../../src/providers/local/local.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import { createSandboxService } from '../../src/sandboxes/service.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import type { SandboxEvent, SandboxEventGap } from '../../src/store/types/sandbox-event.ts';
import { createMeter } from '../../src/usage/meter.ts';
import { principal } from './principal.ts';

export const alice = principal();

export const newStateDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'sandbank-service-'));

/** The label of what these services make at vendors. */
export const deployment = 'service-tests';

export type ServiceOptions = {
  plans?: Readonly<Record<string, Plan>>;
  /** Instead of local sandboxes. */
  vendors?: readonly Provider[];
  deadlines?: Partial<Deadlines>;
  leaseMs?: number;
  /** The store with something that happens in between, such as an answer that is lost. */
  disturb?: (store: Store) => Store;
};

/** The service on real parts: isolated sandboxes, a SQLite file, journal files. The clock can be moved. */
export const openService = async (
  stateDir: string,
  {
    plans = builtInPlans,
    vendors,
    deadlines = {},
    leaseMs = 30_000,
    disturb = (store) => store,
  }: ServiceOptions = {},
) => {
  const log = pino({ level: 'silent' });
  let ahead = 0;
  const clock = (): number => Date.now() + ahead;
  const sealer = createSealer('a secret of these tests');
  const unlock = await lockStateDir(stateDir);
  const store = disturb(await openStore({ stateDir, sealer }));
  const limits = { cpus: 1, memoryBytes: 2 ** 28, diskBytes: 2 ** 28, processes: 64 };
  const openLocal = () =>
    openProvider(
      { deployment, stateDir, defaultLimits: limits, sealer, log },
      { SANDBANK_WARM_SANDBOXES: 0 },
    );
  const providers = (vendors ?? [await openLocal()]).map((vendor) =>
    completeProvider(vendor, { deployment, log, deadlines }),
  );
  const [provider] = providers;
  if (!provider) throw new Error('There is no provider.');
  const pool = createPool(providers);
  const quotas = createQuotas({ plans, store, serverLimit: null, clock });
  const ownership = await openOwnership({
    ...{ store, stateDir, log },
    hostId: undefined,
    leaseMs,
    hostLostMs: 3_600_000,
  });
  const { lease } = ownership;
  const meter = createMeter({
    store,
    lease,
    sliceMs: 500,
    onUsageRecorded: () => undefined,
    clock,
    log,
  });
  const service = createSandboxService({
    quotas,
    meter,
    ownership,
    created: () => undefined,
    maxWaitMs: 60_000,
    store,
    cursors: createCursors('a secret of these tests'),
    pool,
    defaults: {
      timeoutMs: 600_000,
      maxTimeoutMs: 86_400_000,
      limits,
    },
    clock,
    log,
  });
  return {
    service,
    ownership,
    /** As a server does after it listens. */
    async takeUp(onProcesses = (_sandboxId?: string): void => undefined): Promise<void> {
      const processes = {
        takeUp: async (sandboxId?: string) => onProcesses(sandboxId),
        letGo: () => undefined,
      };
      await service.keeper.start(await service.keeper.prepare(), processes);
    },
    store,
    provider,
    pool,
    skip(ms: number): void {
      ahead += ms;
    },
    /** What was told of one sandbox, up to and with the first of these kinds. */
    async told(id: string, last: readonly string[]): Promise<(SandboxEvent | SandboxEventGap)[]> {
      const stop = new AbortController();
      const found: (SandboxEvent | SandboxEventGap)[] = [];
      for await (const event of await service.events(alice, { ids: [id] }, null, stop.signal)) {
        found.push(event);
        if (last.includes(event.kind)) break;
      }
      stop.abort();
      return found;
    },
    /** Lets go of everything as a server that stops does; what lives goes on. */
    async close(): Promise<void> {
      await service.dispose();
      meter.dispose();
      await pool.dispose();
      await lease.dispose();
      await store.dispose();
      await unlock();
    },
    /** Also destroys what lives and removes the directory. */
    async end(): Promise<void> {
      await service.destroyMany(alice, { states: ['CREATING', 'READY'] });
      await this.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};

export type OpenService = Awaited<ReturnType<typeof openService>>;
