import type { Logger } from 'pino';
import type { Principal } from '../authentication/principal.ts';
import { AppError, isDenial } from '../errors.ts';
import { newId } from '../lib/ids.ts';
import type { AuditOutcome, AuditStore } from '../store/types/audit.ts';
import { createAuditWriter } from './writer.ts';

export type AuditedAction = {
  action: string;
  target: string | null;
  sandboxId: string | null;
};
/** The caller, as far as it is known. */
export type Actor = Pick<Principal, 'requestId' | 'address'> & Partial<Principal>;

/** Rows say what was done, never with what contents. Writing one is tried for 10 s. */
export type AuditLog = {
  /** Records what was done. When it cannot be recorded: `UNAVAILABLE`, not retryable, since whoever calls again does it twice. */
  recordDone(actor: Actor, actions: readonly AuditedAction[]): Promise<void>;
  /** Records what failed, and never rejects: the failure is what the caller must hear, whether or not it could be recorded. */
  recordFailure(actor: Actor, action: AuditedAction, error: unknown): Promise<void>;
  /** Records a refusal without making its caller wait; if it cannot be written, the server's log says so. */
  recordInBackground(actor: Actor, action: AuditedAction, error: unknown): void;
  /** Resolves when every row is written, or could not be. */
  dispose(): Promise<void>;
};

const MAX_TEXT = 255;

const outcomeOf = (error: unknown): { outcome: AuditOutcome; code: string | null } => {
  if (error === undefined) return { outcome: 'SUCCEEDED', code: null };
  if (!(error instanceof AppError)) return { outcome: 'FAILED', code: 'INTERNAL' };
  return { outcome: isDenial(error) ? 'DENIED' : 'FAILED', code: error.code };
};

/** A client chooses this text: what a database cannot hold must not keep the row from being written. */
const storable = (text: string | null): string | null =>
  text === null ? null : text.slice(0, MAX_TEXT).toWellFormed().replaceAll('\0', '\ufffd');

const notRecorded = (done: AuditedAction | undefined, cause: unknown): AppError =>
  new AppError(
    'UNAVAILABLE',
    `${done?.action} was carried out, but the audit log could not be written. Do not call it again; look at ${done?.target ?? 'its result'}.`,
    { retryable: false, details: done?.target ? { target: done.target } : {}, cause },
  );

export const createAuditLog = ({
  store,
  clock,
  log,
}: {
  store: AuditStore;
  clock: () => number;
  log: Logger;
}): AuditLog => {
  const writer = createAuditWriter(store);
  const record = (
    actor: Actor,
    { action, target, sandboxId }: AuditedAction,
    error?: unknown,
  ): Promise<void> =>
    writer.add({
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
    });

  const auditLog: AuditLog = {
    async recordDone(actor, actions) {
      try {
        await Promise.all(actions.map((action) => record(actor, action)));
      } catch (error) {
        throw notRecorded(actions[0], error);
      }
    },
    recordFailure: (actor, action, error) =>
      record(actor, action, error).catch((failure: unknown) =>
        log.error(
          { err: failure, action: action.action },
          'A failure could not be written to the audit log.',
        ),
      ),
    recordInBackground: (actor, action, error) => void auditLog.recordFailure(actor, action, error),
    dispose: writer.dispose,
  };
  return auditLog;
};
