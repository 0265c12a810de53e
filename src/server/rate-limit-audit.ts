import type { AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import type { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';

const MAX_REMEMBERED = 10_000;

export type RecordRateLimited = (principal: Principal, error: AppError) => void;

/** Audits callers that exceed their rate limit: once for each window, or the refusals of one caller would fill the log. */
export const createRateLimitAudit = (audit: AuditLog): RecordRateLimited => {
  const until = new Map<string, number>();
  return (principal, error) => {
    const key = JSON.stringify([principal.tenant, principal.subject]);
    const now = Date.now();
    if ((until.get(key) ?? 0) > now) return;
    setBounded(until, key, now + (error.retryAfterMs ?? 0), MAX_REMEMBERED);
    audit.recordInBackground(
      principal,
      { action: 'operation', target: null, sandboxId: null },
      error,
    );
  };
};
