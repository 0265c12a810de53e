import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Principal } from '../authentication/principal.ts';
import { AppError, isDenial } from '../errors.ts';
import { newId } from '../lib/ids.ts';
import type { AuditFact, AuditOutcome, AuditStore } from '../store/types/audit.ts';
import { hashOf } from './chain.ts';

export type AuditedAction = {
  action: string;
  target: string | null;
  sandboxId: string | null;
};
/** The caller, as far as it is known. */
export type Actor = Pick<Principal, 'requestId' | 'address'> & Partial<Principal>;

export type AuditLog = {
  /** Resolves when the row is written, which is tried for 10 s. It says what was done, never with what contents. */
  record(actor: Actor, action: AuditedAction, error?: unknown): Promise<void>;
  /** Records a refusal without making its caller wait; if it cannot be written, the server's log says so. */
  recordInBackground(actor: Actor, action: AuditedAction, error: unknown): void;
  /** Resolves when every row is written, or could not be. */
  dispose(): Promise<void>;
};

const MAX_TEXT = 255;
const APPEND_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 2_000;

const outcomeOf = (error: unknown): { outcome: AuditOutcome; code: string | null } => {
  if (error === undefined) return { outcome: 'SUCCEEDED', code: null };
  if (!(error instanceof AppError)) return { outcome: 'FAILED', code: 'INTERNAL' };
  return { outcome: isDenial(error) ? 'DENIED' : 'FAILED', code: error.code };
};

/** A client chooses this text: what a database cannot hold must not keep the row from being written. */
const storable = (text: string | null): string | null =>
  text === null ? null : text.slice(0, MAX_TEXT).toWellFormed().replaceAll('\0', '\ufffd');

type Batch = { facts: AuditFact[]; written: Promise<void> };

/** Rows of one turn of the event loop are written together. Each tenant has a chain of its own. */
export const createAuditLog = ({
  store,
  clock,
  log,
}: {
  store: AuditStore;
  clock: () => number;
  log: Logger;
}): AuditLog => {
  const open = new Map<string, Batch>();
  const running = new Set<Promise<void>>();
  const stop = new AbortController();

  /** What it records was done already: a database that is away for a moment must not make a failure of it. */
  const append = async (tenant: string, facts: readonly AuditFact[]): Promise<void> => {
    const endsAt = performance.now() + APPEND_MS;
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LAST_DELAY_MS))
      try {
        return await store.append(tenant, facts, hashOf, delay > FIRST_DELAY_MS);
      } catch (error) {
        const isPassing = error instanceof AppError && error.retryable;
        if (!isPassing || stop.signal.aborted || performance.now() + delay > endsAt) throw error;
        // A stop ends the wait, and what is left is tried once more.
        await sleep(delay, undefined, { signal: stop.signal }).catch(() => undefined);
      }
  };

  const add = (fact: AuditFact): Promise<void> => {
    const batch = open.get(fact.tenant);
    if (batch) {
      batch.facts.push(fact);
      return batch.written;
    }
    const facts = [fact];
    const write = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      open.delete(fact.tenant);
      await append(fact.tenant, facts);
    };
    const written = write();
    open.set(fact.tenant, { facts, written });
    running.add(written);
    written.then(
      () => running.delete(written),
      () => running.delete(written),
    );
    return written;
  };

  const auditLog: AuditLog = {
    record: (actor, { action, target, sandboxId }, error) =>
      add({
        id: newId('aud'),
        tenant: actor.tenant ?? '',
        at: clock(),
        requestId: actor.requestId,
        subject: actor.subject ?? null,
        role: actor.role ?? null,
        tokenId: actor.tokenId ?? null,
        address: actor.address,
        action,
        target: storable(target),
        sandboxId: storable(sandboxId),
        ...outcomeOf(error),
      }),
    recordInBackground(actor, action, error) {
      auditLog
        .record(actor, action, error)
        .catch((failure: unknown) =>
          log.error(
            { err: failure, action: action.action },
            'A refusal could not be written to the audit log.',
          ),
        );
    },
    async dispose() {
      stop.abort();
      await Promise.allSettled(running);
    },
  };
  return auditLog;
};
