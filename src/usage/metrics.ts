/** What is counted. The seam between who measures, the ledger, quotas and GraphQL. */
export const metrics = {
  concurrentSandboxes: 'Sandboxes alive at once, from their first moment to their end.',
  executions: 'Processes and terminals started.',
  cpuSeconds: 'CPU seconds of sandboxes, user and system.',
  memoryMBSeconds: 'Memory in use, in MiB, times seconds.',
  sandboxSeconds: 'Seconds that sandboxes were ready.',
  storageMBSeconds: 'Disk in use, in MiB, times seconds.',
  egressBytes: 'Bytes sent to and received from outside, where the provider knows.',
  agentTokens: 'Tokens that agents used.',
  agentCostUsd: 'What agents cost, in US dollars.',
} as const;

export type Metric = keyof typeof metrics;
export const allMetrics = Object.keys(metrics) as readonly Metric[];

/** All that is a sum over time; how many sandboxes are alive is a fact of the moment, which the ledger does not hold. */
export type Summed = Exclude<Metric, 'concurrentSandboxes'>;
export const isSummed = (metric: Metric): metric is Summed => metric !== 'concurrentSandboxes';

/** In UTC; `total` is since ever. */
export const windows = ['hour', 'day', 'month', 'total'] as const;
export type Window = (typeof windows)[number];

export const HOUR_MS = 3_600_000;

/** Where the window that holds an instant begins and ends. */
export const windowAt = (window: Window, at: number): { start: number; resetAt: number | null } => {
  const date = new Date(at);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  if (window === 'total') return { start: 0, resetAt: null };
  if (window === 'month')
    return { start: Date.UTC(year, month), resetAt: Date.UTC(year, month + 1) };
  if (window === 'day')
    return { start: Date.UTC(year, month, day), resetAt: Date.UTC(year, month, day + 1) };
  const start = Math.floor(at / HOUR_MS) * HOUR_MS;
  return { start, resetAt: start + HOUR_MS };
};
