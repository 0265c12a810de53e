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
/** A quota that is used up to this part is told of. */
const THRESHOLD = 0.8;
/** Cursors of `usageUpdates` are bound to it. */
const TOPIC = 'usage-events';

type Holder = { tenant: string; plan: string; subject: string };

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
  /** Thresholds that were told of, until what is used falls below them again. */
  const told = new Set<string>();

  const touch = ({ tenant, plan, createdBy }: Parameters<OnUsageRecorded>[0]): void => {
    holders.set(JSON.stringify([tenant, createdBy]), { tenant, plan, subject: createdBy });
  };

  const newThresholds = async (holder: Holder): Promise<ThresholdFacts[]> => {
    const states = await quotas.states({ ...holder, subjectLimit: null });
    return states.filter(({ metric, window, subject, limit, used, resetAt }) => {
      const key = JSON.stringify([holder.tenant, metric, window, subject, resetAt]);
      if (used < limit * THRESHOLD) told.delete(key);
      else if (!told.has(key)) return told.add(key);
      return false;
    });
  };

  const tell = async (): Promise<void> => {
    const touched = holders;
    holders = new Map();
    for (const holder of touched.values()) {
      const reached = await newThresholds(holder);
      const at = clock();
      if (reached.length)
        await events.append(
          holder.tenant,
          reached.map((meta) => ({ kind: 'threshold-reached', at, meta })),
        );
    }
  };
  const tellSafely = (): Promise<void> =>
    tell().catch((error: unknown) =>
      log.error({ err: error }, 'quotas that are nearly used up could not be told of'),
    );
  const timer = setInterval(() => void tellSafely(), TELL_MS).unref();

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
      await tellSafely();
    },
  };
};
