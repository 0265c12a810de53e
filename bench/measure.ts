/** The value below which `share` (0–1) of the samples lie. */
export const quantile = (samples: readonly number[], share: number): number => {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** Milliseconds of `work`. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

export type Row = { question: string; figure: string; target: string; met: 'yes' | 'no' | '—' };

export const row = (question: string, figure: string, target = '', met?: boolean): Row => ({
  question,
  figure,
  target,
  met: met === undefined ? '—' : met ? 'yes' : 'no',
});
