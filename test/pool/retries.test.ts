import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRetries } from '../../src/lib/retries.ts';

describe('retries', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('of one thing for two reasons are both made, and of one reason once', async () => {
    const done: string[] = [];
    const retries = createRetries(() => undefined);
    const work = (name: string) => async (): Promise<void> => void done.push(name);
    retries.add('sbx_1', work('end'), 'end');
    retries.add('sbx_1', work('destroy'), 'destroy');
    retries.add('sbx_1', work('destroy again'), 'destroy');
    expect(retries.has('sbx_1')).toBe(true);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(done.toSorted()).toEqual(['destroy', 'end']);
    expect(retries.has('sbx_1')).toBe(false);
  });

  it('are made until one succeeds', async () => {
    const failures: unknown[] = [];
    const retries = createRetries((id) => failures.push(id));
    retries.add('sbx_1', async () => {
      if (failures.length < 2) throw new Error('Not yet.');
    });
    await vi.advanceTimersByTimeAsync(5_000 + 10_000);
    expect(retries.has('sbx_1')).toBe(true);
    await vi.advanceTimersByTimeAsync(20_000);
    expect([failures.length, retries.has('sbx_1')]).toEqual([2, false]);
  });
});
