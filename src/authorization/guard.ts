import type { AuditedAction, AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import { AppError, isDenial } from '../errors.ts';
import type { RateClass } from '../limits/plans.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Permission } from './permissions.ts';
import { permit } from './rights.ts';

/** What one method of a service requires of its caller, and records in the audit log. */
export type Rule<Args extends readonly unknown[] = readonly unknown[], Out = unknown> = {
  /** null: every caller with a token. */
  permission: Permission | null | ((...args: Args) => Permission | null);
  /** The name in the audit log: the mutation, or what is read. */
  action: string | ((...args: Args) => string);
  /** Every call is recorded; without it only refusals are. */
  changes?: true;
  /** The id of what it is done to, as the caller gave it. */
  target?: (...args: Args) => string | null;
  /** The ids of what one call was done to, when that may be many: each is recorded by itself. */
  each?: (out: Out) => readonly string[];
  /** The ids that were requested and not found: each is a refusal, whether it does not exist or belongs to another. */
  missing?: (out: Out, ...args: Args) => readonly string[];
  /** The rate limit of which a call takes one point. */
  rate?: RateClass;
};

/** Every method that takes a caller has a rule; the compiler finds the one that has none. */
export type Rules<Service> = {
  readonly [Key in keyof Service]: Service[Key] extends (
    principal: Principal,
    ...rest: infer Args
  ) => infer Out
    ? Rule<Args, Awaited<Out>>
    : never;
};

export type GuardOptions = { audit: AuditLog; rates: RateLimits };

type Method = (principal: Principal, ...args: unknown[]) => unknown;

const SANDBOX = /^sbx_/;
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The sandbox that a result is, or belongs to. */
const sandboxOf = (target: string | null, out: unknown): string | null => {
  if (target !== null && SANDBOX.test(target)) return target;
  if (typeof out !== 'object' || out === null) return null;
  const { id, sandboxId, row, process } = out as Record<string, unknown>;
  const own = textOf(sandboxId) ?? (SANDBOX.test(textOf(id) ?? '') ? textOf(id) : null);
  return own ?? sandboxOf(null, row ?? process);
};

const notFound = new AppError('NOT_FOUND', 'Nothing with this id exists.');

const wrap = (method: Method, rule: Rule<unknown[]>, { audit, rates }: GuardOptions): Method => {
  const permissionOf = (args: unknown[]): Permission | null =>
    typeof rule.permission === 'function' ? rule.permission(...args) : rule.permission;
  const actionOf = (args: unknown[], out?: unknown): AuditedAction => {
    const target = rule.target?.(...args) ?? null;
    const action = typeof rule.action === 'function' ? rule.action(...args) : rule.action;
    return { action, target: target ?? sandboxOf(null, out), sandboxId: sandboxOf(target, out) };
  };
  const admit = (principal: Principal, args: unknown[]): Promise<void> | undefined => {
    const permission = permissionOf(args);
    if (permission !== null) permit(principal, permission);
    return rule.rate && rates.consume(principal, rule.rate, 1);
  };

  const read: Method = async (principal, ...args) => {
    try {
      const waiting = admit(principal, args);
      if (waiting !== undefined) await waiting;
      const out = await method(principal, ...args);
      for (const id of rule.missing?.(out, ...args) ?? [])
        audit.recordInBackground(
          principal,
          { ...actionOf(args), target: id, sandboxId: null },
          notFound,
        );
      return out;
    } catch (error) {
      if (error instanceof AppError && (isDenial(error) || error.code === 'NOT_FOUND'))
        audit.recordInBackground(principal, actionOf(args), error);
      throw error;
    }
  };
  const change: Method = async (principal, ...args) => {
    let out: unknown;
    try {
      await admit(principal, args);
      out = await method(principal, ...args);
    } catch (error) {
      await audit.recordFailure(principal, actionOf(args), error);
      throw error;
    }
    const action = actionOf(args, out);
    const targets = rule.each?.(out) ?? [];
    const rows = targets.length
      ? targets.map((target) => ({ ...action, target, sandboxId: sandboxOf(target, null) }))
      : [action];
    await audit.recordDone(principal, rows);
    return out;
  };
  return rule.changes ? change : read;
};

/** The service as callers from outside get it: each method can only be reached through its rule. */
export const guard = <Service extends object>(
  service: Service,
  rules: Rules<Service>,
  options: GuardOptions,
): Service =>
  Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => [
      name,
      wrap(
        (service as Record<string, Method>)[name] as Method,
        rule as unknown as Rule<unknown[]>,
        options,
      ),
    ]),
  ) as Service;
