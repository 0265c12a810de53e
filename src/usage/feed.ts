import type { Logger } from 'pino';
import type { Principal } from '../authentication/principal.ts';
import type { Cursors } from '../journal/cursor.ts';
import { followFrom } from '../journal/from-cursor.ts';
import type { Journal, JournalItem, NewRecord } from '../journal/journal.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { OnUsageRecorded } from './meter.ts';
import type { Metric, Summed, Window } from './metrics.ts';

export type UsageRecorded = {
  kind: 'usage-recorded';
  cursor: string;
  at: number;
  subject: string;
  sandboxId: string;
  metric: Summed;
  amount: number;
};
export type ThresholdReached = {
  kind: 'threshold-reached';
  cursor: string;
  at: number;
  metric: Metric;
  window: Window;
  subject: string | null;
  limit: number;
  used: number;
  resetAt: number | null;
};
export type UsageEventsGap = { kind: 'gap'; cursor: string; from: number; to: number };
export type UsageEvent = UsageRecorded | ThresholdReached | UsageEventsGap;

type Recorded = Omit<UsageRecorded, 'kind' | 'cursor' | 'at'>;
type Threshold = Omit<ThresholdReached, 'kind' | 'cursor' | 'at'>;

export type UsageFeed = {
  /** What was recorded is told of once a second, summed up. */
  onUsageRecorded: OnUsageRecorded;
  /** A sandbox more is alive. */
  created(row: Parameters<OnUsageRecorded>[0]): void;
  read(
    principal: Principal,
    tenant: string,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<UsageEvent>>;
  dispose(): Promise<void>;
};

const TELL_MS = 1_000;
/** A quota that is used up to this part is told of. */
const THRESHOLD = 0.8;
const topicOf = (tenant: string): string => `usage:${tenant}`;
const EMPTY = new Uint8Array();

type Holder = { tenant: string; plan: string; subject: string };

export const createUsageFeed = ({
  journal,
  cursors,
  quotas,
  clock,
  log,
}: {
  journal: Journal;
  cursors: Cursors;
  quotas: Quotas;
  clock: () => number;
  log: Logger;
}): UsageFeed => {
  let amounts = new Map<string, { tenant: string; fact: Recorded }>();
  let holders = new Map<string, Holder>();
  /** Thresholds that were told of, until what is used falls below them again. */
  const told = new Set<string>();

  const record = (kind: UsageEvent['kind'], meta: Recorded | Threshold): NewRecord => ({
    at: clock(),
    kind,
    meta: { ...meta },
    bytes: EMPTY,
  });
  const touch = ({ tenant, plan, createdBy }: Parameters<OnUsageRecorded>[0]): void => {
    holders.set(JSON.stringify([tenant, createdBy]), { tenant, plan, subject: createdBy });
  };

  const newThresholds = async (holder: Holder): Promise<Threshold[]> => {
    const states = await quotas.states({ ...holder, subjectLimit: null });
    return states.filter(({ metric, window, subject, limit, used, resetAt }) => {
      const key = JSON.stringify([holder.tenant, metric, window, subject, resetAt]);
      if (used < limit * THRESHOLD) told.delete(key);
      else if (!told.has(key)) return told.add(key);
      return false;
    });
  };

  const tell = async (): Promise<void> => {
    const [sums, touched] = [amounts, holders];
    amounts = new Map();
    holders = new Map();
    const byTenant = Map.groupBy(sums.values(), ({ tenant }) => tenant);
    for (const [tenant, facts] of byTenant)
      await journal.append(
        topicOf(tenant),
        facts.map(({ fact }) => record('usage-recorded', fact)),
      );
    for (const holder of touched.values()) {
      const reached = await newThresholds(holder);
      if (reached.length)
        await journal.append(
          topicOf(holder.tenant),
          reached.map((fact) => record('threshold-reached', fact)),
        );
    }
  };
  const tellSafely = (): Promise<void> =>
    tell().catch((error: unknown) => log.error({ err: error }, 'usage could not be told of'));
  const timer = setInterval(() => void tellSafely(), TELL_MS).unref();

  const toEvent = (item: JournalItem, cursor: string): UsageEvent =>
    'gap' in item
      ? { kind: 'gap', cursor, from: item.from, to: item.to }
      : ({ ...(item.meta as object), kind: item.kind, at: item.at, cursor } as UsageEvent);
  const isFor = ({ subject, rights }: Principal, event: UsageEvent): boolean =>
    rights.reach !== 'own' ||
    event.kind === 'gap' ||
    event.subject === null ||
    event.subject === subject;

  return {
    onUsageRecorded(row, entries) {
      touch(row);
      for (const { tenant, subject, sandboxId, metric, amount } of entries) {
        const key = JSON.stringify([tenant, subject, sandboxId, metric]);
        const known = amounts.get(key)?.fact.amount ?? 0;
        amounts.set(key, { tenant, fact: { subject, sandboxId, metric, amount: known + amount } });
      }
    },
    created: touch,
    async read(principal, tenant, after, signal) {
      const items = await followFrom(
        { journal, cursors },
        {
          tenant,
          topic: topicOf(tenant),
          expired:
            'The events after this cursor are no longer kept. Ask for `usage`, then subscribe without a cursor.',
        },
        after,
        signal,
      );
      return (async function* () {
        for await (const { item, cursor } of items) {
          const event = toEvent(item, cursor);
          if (isFor(principal, event)) yield event;
        }
      })();
    },
    async dispose() {
      clearInterval(timer);
      await tellSafely();
    },
  };
};
