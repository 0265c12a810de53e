import type { Logger } from 'pino';
import type { Quotas } from '../limits/quotas.ts';
import type { Store } from '../store/store.ts';
import type { Bound, Excess } from '../store/types/quota.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { QueuedSandbox } from '../store/types/sandbox-store.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Assign } from './ownership.ts';

/** What one more sandbox needs room in. */
export const CREATE_METRICS = [
  'concurrentSandboxes',
  'cpuSeconds',
  'memoryMBSeconds',
  'sandboxSeconds',
  'storageMBSeconds',
  'egressBytes',
] as const;

export type AdmissionOptions = {
  store: Store;
  assign: Assign;
  quotas: Quotas;
  lifecycle: Lifecycle;
  clock: () => number;
  log: Logger;
};

type Round = AdmissionOptions & {
  /** Asked before each: a round may be long, and the server stops or loses its lease meanwhile. */
  mayAdmit: () => boolean;
};

/** In which turn each tenant was last served; the one that was served longest ago goes first. */
export type Turns = { served: Map<string, number>; last: number };

const isExcess = (result: Excess | Sandbox): result is Excess => 'bound' in result;
const isForAll = ({ tenant }: Bound): boolean => tenant === null;

/** Begins to create a queued sandbox if there is room for it; null when it is not queued any more. */
const admit = async (
  { store, assign, quotas, lifecycle, clock, log }: AdmissionOptions,
  row: QueuedSandbox,
): Promise<Excess | Sandbox | null> => {
  const holder = { ...row, subject: row.createdBy };
  const bounds = await quotas.bounds(holder, CREATE_METRICS);
  // Its life begins now, and is as long as it would have been.
  const now = clock();
  const expiresAt = now + (row.expiresAt - row.createdAt);
  const event = { kind: 'sandbox-created', at: now } as const;
  const admitted = await store.sandboxes.admit(
    row.tenant,
    row.id,
    { ...assign(row.provider), expiresAt },
    { bounds, event },
  );
  if (admitted !== null && !isExcess(admitted))
    lifecycle
      .begin(admitted)
      .catch((error: unknown) =>
        log.warn({ err: error, sandbox: row.id }, 'a queued sandbox could not be created'),
      );
  return admitted;
};

/** One of a tenant; what cannot be admitted any more in this round is taken out of `rows`. `over`: the server is full, or may admit no more. */
const admitOne = async (
  options: Round,
  rows: QueuedSandbox[],
): Promise<'admitted' | 'none' | 'over'> => {
  const without = new Set<string>();
  for (const row of [...rows]) {
    if (without.has(row.createdBy)) continue;
    if (!options.mayAdmit()) return 'over';
    const result = await admit(options, row);
    if (result === null) rows.splice(rows.indexOf(row), 1);
    else if (!isExcess(result)) {
      rows.splice(rows.indexOf(row), 1);
      return 'admitted';
    } else if (isForAll(result.bound)) return 'over';
    else if (result.bound.subject === null) break;
    else without.add(row.createdBy);
  }
  rows.length = 0;
  return 'none';
};

/**
 * Admits queued sandboxes until there is no room for any of them. In a round each tenant gets one, the one that was served longest ago first;
 * within a tenant the longest waiting goes first, past those whose own subject has no room.
 */
export const admitInTurns = async (
  options: Round,
  rows: readonly QueuedSandbox[],
  turns: Turns,
): Promise<void> => {
  const byTenant = Map.groupBy(rows, ({ tenant }) => tenant);
  for (let active = [...byTenant.keys()]; active.length; ) {
    active.sort((a, b) => (turns.served.get(a) ?? 0) - (turns.served.get(b) ?? 0));
    for (const tenant of [...active]) {
      const outcome = await admitOne(options, byTenant.get(tenant) ?? []);
      if (outcome === 'over') return;
      if (outcome === 'admitted') turns.served.set(tenant, ++turns.last);
      else active = active.filter((one) => one !== tenant);
    }
  }
};
