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
/** Who did it, as far as is known. */
export type Actor = Pick<Principal, 'requestId' | 'address'> & Partial<Principal>;

export type AuditLog = {
  /** Resolves when the row is written. What was done, never with what contents. */
  record(who: Actor, deed: AuditedAction, error?: unknown): Promise<void>;
  /** A refusal nobody has to wait for; should it not be written, the log says so. */
  note(who: Actor, deed: AuditedAction, error: unknown): void;
  /** Resolves when all that was noted is written. */
  dispose(): Promise<void>;
};

const MAX_TEXT = 255;

const outcomeOf = (error: unknown): { outcome: AuditOutcome; code: string | null } => {
  if (error === undefined) return { outcome: 'SUCCEEDED', code: null };
  if (!(error instanceof AppError)) return { outcome: 'FAILED', code: 'INTERNAL' };
  return { outcome: isDenial(error) ? 'DENIED' : 'FAILED', code: error.code };
};

/** Given by a client: what a database cannot hold must not keep the row from being written. */
const plain = (text: string | null): string | null =>
  text === null ? null : text.slice(0, MAX_TEXT).toWellFormed().replaceAll('\0', '\ufffd');

type Batch = { facts: AuditFact[]; written: Promise<void> };

/** Rows that come in one turn of the event loop are written together; each tenant has a chain of its own. */
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
      await store.append(fact.tenant, facts, hashOf);
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
    record: (who, { action, target, sandboxId }, error) =>
      add({
        id: newId('aud'),
        tenant: who.tenant ?? '',
        at: clock(),
        requestId: who.requestId,
        subject: who.subject ?? null,
        role: who.role ?? null,
        tokenId: who.tokenId ?? null,
        address: who.address,
        action,
        target: plain(target),
        sandboxId: plain(sandboxId),
        ...outcomeOf(error),
      }),
    note(who, deed, error) {
      auditLog
        .record(who, deed, error)
        .catch((failure: unknown) =>
          log.error({ err: failure, action: deed.action }, 'a refusal could not be audited'),
        );
    },
    async dispose() {
      await Promise.allSettled(running);
    },
  };
  return auditLog;
};
