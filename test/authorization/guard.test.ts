import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuditLog } from '../../src/audit/log.ts';
import { guard, type Rules } from '../../src/authorization/guard.ts';
import { AppError } from '../../src/errors.ts';
import type { RateLimits } from '../../src/limits/rate-limits.ts';
import type { AuditStore } from '../../src/store/types/audit.ts';
import { alice, newStateDir, type OpenService, openService } from '../helpers/sandbox-service.ts';

/** The service of a domain that changes something, once, or fails as it is told. */
type Changes = { change(caller: typeof alice, id: string): Promise<string> };

describe('a change whose row in the audit log cannot be written', () => {
  let open: OpenService;
  beforeAll(async () => {
    open = await openService(await newStateDir());
  });
  afterAll(() => open?.end());

  /** The real log on the real store, whose appends fail as often as it is said. */
  const openGuarded = (failures: number, appendError: Error, work: Changes['change']) => {
    let left = failures;
    const store: AuditStore = {
      ...open.store.audit,
      append: async (...facts) => {
        left -= 1;
        if (left >= 0) throw appendError;
        return open.store.audit.append(...facts);
      },
    };
    const audit = createAuditLog({ store, clock: Date.now, log: pino({ level: 'silent' }) });
    const rules: Rules<Changes> = {
      change: {
        permission: 'sandboxes:manage',
        action: 'change',
        target: (id) => id,
        changes: true,
      },
    };
    const rates = {} as RateLimits;
    return guard({ change: work }, rules, { audit, rates });
  };
  const away = new AppError('UNAVAILABLE', 'The database cannot be reached. Try again.');
  const broken = new AppError('INTERNAL', 'The database is broken.');

  it('has its answer as soon as the log can be written again', async () => {
    const { change } = openGuarded(2, away, async () => 'done');
    expect(await change(alice, 'sbx_one')).toBe('done');
  });

  it('is told as done, and not to be repeated', async () => {
    const { change } = openGuarded(1, broken, async () => 'done');
    await expect(change(alice, 'sbx_two')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: false,
      details: { target: 'sbx_two' },
      message: expect.stringContaining('Do not call it again'),
    });
  });

  it('keeps the failure that it had, which may say not to repeat it', async () => {
    const late = new AppError('UNAVAILABLE', 'It runs; do not start it again.', {
      retryable: false,
    });
    const { change } = openGuarded(1, broken, async () => {
      throw late;
    });
    await expect(change(alice, 'sbx_three')).rejects.toBe(late);
  });
});
