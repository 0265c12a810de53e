import type { AuditedAction, AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import { AppError, isDenial } from '../errors.ts';
import type { RateClass } from '../limits/plans.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Permission } from './permissions.ts';
import { permit } from './rights.ts';

/** What one method of a service asks of its caller, and leaves in the audit log. */
export type Rule<Args extends readonly unknown[] = readonly unknown[], Out = unknown> = {
  /** null: everybody with a token. */
  permission: Permission | null | ((...args: Args) => Permission | null);
  /** Name in the audit log: the mutation, or what is read. */
  action: string | ((...args: Args) => string);
  /** Every call leaves a row; without it only refusals do. */
  changes?: true;
  /** Id of what it is done to, as it was given. */
  target?: (...args: Args) => string | null;
  /** What one call was done to, when that may be many: each has a row of its own. */
  each?: (out: Out) => readonly string[];
  /** Ids that were asked for and not found: each is a refusal, whether there is none or it is another's. */
  missing?: (out: Out, ...args: Args) => readonly string[];
  /** What a call costs one point of. */
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

/** What is returned names the sandbox: itself, or where it happened. */
const sandboxOf = (target: string | null, out: unknown): string | null => {
  if (target !== null && SANDBOX.test(target)) return target;
  if (typeof out !== 'object' || out === null) return null;
  const { id, sandboxId, row, process } = out as Record<string, unknown>;
  const own = textOf(sandboxId) ?? (SANDBOX.test(textOf(id) ?? '') ? textOf(id) : null);
  return own ?? sandboxOf(null, row ?? process);
};

const notFound = new AppError('NOT_FOUND', 'There is nothing with this id.');

const wrap = (method: Method, rule: Rule<unknown[]>, { audit, rates }: GuardOptions): Method => {
  const permissionOf = (args: unknown[]): Permission | null =>
    typeof rule.permission === 'function' ? rule.permission(...args) : rule.permission;
  const deedOf = (args: unknown[], out?: unknown): AuditedAction => {
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
        audit.note(principal, { ...deedOf(args), target: id, sandboxId: null }, notFound);
      return out;
    } catch (error) {
      if (error instanceof AppError && (isDenial(error) || error.code === 'NOT_FOUND'))
        audit.note(principal, deedOf(args), error);
      throw error;
    }
  };
  const change: Method = async (principal, ...args) => {
    let out: unknown;
    try {
      await admit(principal, args);
      out = await method(principal, ...args);
    } catch (error) {
      await audit.record(principal, deedOf(args), error);
      throw error;
    }
    const deed = deedOf(args, out);
    const targets = rule.each?.(out) ?? [];
    await Promise.all(
      targets.length
        ? targets.map((target) =>
            audit.record(principal, { ...deed, target, sandboxId: sandboxOf(target, null) }),
          )
        : [audit.record(principal, deed)],
    );
    return out;
  };
  return rule.changes ? change : read;
};

/** The service as callers from outside get it: no method can be reached but through its rule. */
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
