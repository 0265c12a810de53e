import type { Logger } from 'pino';
import type { Principal } from '../authentication/principal.ts';
import type { Cursors } from '../journal/cursor.ts';
import { createEventStream } from '../journal/event-stream.ts';
import type { Quotas } from '../limits/quotas.ts';
import type {
  ThresholdFacts,
  UsageEventLog,
  UsageRecordedFacts,
} from '../store/types/usage-event.ts';
import type { OnUsageRecorded } from './meter.ts';

type Told = { cursor: string; at: number };
export type UsageRecorded = UsageRecordedFacts & Told & { kind: 'usage-recorded' };
export type ThresholdReached = ThresholdFacts & Told & { kind: 'threshold-reached' };
export type UsageEventsGap = { kind: 'gap'; cursor: string; from: number; to: number };
export type UsageEvent = UsageRecorded | ThresholdReached | UsageEventsGap;

export type UsageFeed = {
  /** Quotas of who used something are looked at within a second; what was recorded has its event already. */
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
/** A quota that is used up to this part has an event. */
const THRESHOLD = 0.8;
/** Cursors of `usageUpdates` are bound to it. */
const TOPIC = 'usage-events';

type Holder = { tenant: string; plan: string; subject: string };

const keyOf = ({ tenant }: Holder, { metric, window, subject, resetAt }: ThresholdFacts): string =>
  JSON.stringify([tenant, metric, window, subject, resetAt]);

export const createUsageFeed = ({
  events,
  cursors,
  quotas,
  clock,
  log,
}: {
  events: UsageEventLog;
  cursors: Cursors;
  quotas: Quotas;
  clock: () => number;
  log: Logger;
}): UsageFeed => {
  let holders = new Map<string, Holder>();
  /** Thresholds that have their event, and when their window ends: until less is used again, or until then. */
  const told = new Map<string, number | null>();

  const touch = ({ tenant, plan, createdBy }: Parameters<OnUsageRecorded>[0]): void => {
    holders.set(JSON.stringify([tenant, createdBy]), { tenant, plan, subject: createdBy });
  };

  const newThresholds = async (holder: Holder): Promise<ThresholdFacts[]> => {
    const states = await quotas.states({ ...holder, subjectLimit: null });
    return states.filter((state) => {
      const key = keyOf(holder, state);
      if (state.used < state.limit * THRESHOLD) told.delete(key);
      return state.used >= state.limit * THRESHOLD && !told.has(key);
    });
  };
  const tellHolder = async (holder: Holder): Promise<void> => {
    const reached = await newThresholds(holder);
    if (reached.length === 0) return;
    const at = clock();
    await events.append(
      holder.tenant,
      reached.map((meta) => ({ kind: 'threshold-reached', at, meta })),
    );
    for (const state of reached) told.set(keyOf(holder, state), state.resetAt);
  };

  const tell = async (): Promise<void> => {
    const now = clock();
    for (const [key, resetAt] of told) if (resetAt !== null && resetAt < now) told.delete(key);
    const touched = holders;
    holders = new Map();
    for (const [key, holder] of touched)
      await tellHolder(holder).catch((error: unknown) => {
        // It is looked at again the next time.
        if (!holders.has(key)) holders.set(key, holder);
        log.error({ err: error }, 'the thresholds of quotas could not be looked at');
      });
  };
  let telling: Promise<void> | null = null;
  const timer = setInterval(() => {
    telling ??= tell().finally(() => {
      telling = null;
    });
  }, TELL_MS).unref();

  const stream = createEventStream({
    log: events,
    topic: TOPIC,
    cursors,
    toEvent: ({ at, ...body }, cursor): UsageRecorded | ThresholdReached =>
      body.kind === 'usage-recorded'
        ? { ...body.meta, kind: body.kind, at, cursor }
        : { ...body.meta, kind: body.kind, at, cursor },
    advice: 'Ask for `usage`, then subscribe without a cursor.',
    onError: (error) =>
      log.error({ err: error }, 'usage events could not be read; the next look tries again'),
  });
  const isFor = ({ subject, rights }: Principal, event: UsageEvent): boolean =>
    rights.reach !== 'own' ||
    event.kind === 'gap' ||
    event.subject === null ||
    event.subject === subject;

  return {
    onUsageRecorded: touch,
    created: touch,
    async read(principal, tenant, after, signal) {
      const batches = await stream.read(tenant, after, signal);
      return (async function* () {
        for await (const batch of batches)
          for (const event of batch) if (isFor(principal, event)) yield event;
      })();
    },
    async dispose() {
      clearInterval(timer);
      stream.dispose();
      await telling;
      await tell();
    },
  };
};
