import type { AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import type { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';

const MAX_REMEMBERED = 10_000;

/** Writes down who is over its rate limit: once for each window, or the refusals of one caller would fill the log. */
export const createLimitedCallers = (audit: AuditLog) => {
  const until = new Map<string, number>();
  return (principal: Principal, error: AppError): void => {
    const key = JSON.stringify([principal.tenant, principal.subject]);
    const now = Date.now();
    if ((until.get(key) ?? 0) > now) return;
    setBounded(until, key, now + (error.retryAfterMs ?? 0), MAX_REMEMBERED);
    audit.note(principal, { action: 'operation', target: null, sandboxId: null }, error);
  };
};
