import type { Metric, Summed, Window } from '../../usage/metrics.ts';
import type { EventLog } from './event-log.ts';

export type UsageRecordedFacts = {
  subject: string;
  sandboxId: string;
  metric: Summed;
  amount: number;
};
export type ThresholdFacts = {
  metric: Metric;
  window: Window;
  subject: string | null;
  limit: number;
  used: number;
  resetAt: number | null;
};
export type UsageEventBody =
  | { kind: 'usage-recorded'; meta: UsageRecordedFacts }
  | { kind: 'threshold-reached'; meta: ThresholdFacts };

export type UsageEventLog = EventLog<UsageEventBody>;
