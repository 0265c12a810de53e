import type { Cursors } from '../journal/cursor.ts';
import { createEventStream } from '../journal/event-stream.ts';
import type {
  SandboxEvent,
  SandboxEventFacts,
  SandboxEventFilter,
  SandboxEventLog,
} from '../store/types/sandbox-event.ts';

/** Cursors of `sandboxEvents` are bound to it. */
export const SANDBOX_EVENTS_TOPIC = 'sandbox-events';

const fits = ({ ids, providers, labels }: SandboxEventFilter, event: SandboxEventFacts): boolean =>
  (!ids || ids.includes(event.sandboxId)) &&
  (!providers || providers.includes(event.provider)) &&
  Object.entries(labels ?? {}).every(([key, value]) => event.labels[key] === value);

export type SandboxEvents = {
  /** Those of a tenant that `sees` lets through. */
  read(
    tenant: string,
    filter: SandboxEventFilter,
    sees: (sandbox: { id: string; tenant: string; createdBy: string }) => Promise<boolean>,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<SandboxEvent>>;
  dispose(): void;
};

/** What happened to sandboxes, as the store wrote it with their rows. */
export const createSandboxEvents = ({
  log,
  cursors,
  onError,
}: {
  log: SandboxEventLog;
  cursors: Cursors;
  onError: (error: unknown) => void;
}): SandboxEvents => {
  const stream = createEventStream({
    log,
    topic: SANDBOX_EVENTS_TOPIC,
    cursors,
    toEvent: ({ at, kind, meta }, cursor): SandboxEvent => ({ ...meta, kind, cursor, at }),
    advice: 'List the sandboxes, then subscribe without a cursor.',
    onError,
  });
  return {
    async read(tenant, filter, sees, after, signal) {
      const batches = await stream.read(tenant, after, signal);
      return (async function* () {
        for await (const batch of batches)
          for (const event of batch)
            if (
              fits(filter, event) &&
              (await sees({ id: event.sandboxId, tenant, createdBy: event.createdBy }))
            )
              yield event;
      })();
    },
    dispose: () => stream.dispose(),
  };
};
