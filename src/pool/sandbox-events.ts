import type { Cursors } from '../journal/cursor.ts';
import { followFrom } from '../journal/from-cursor.ts';
import type { Journal } from '../journal/journal.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type {
  SandboxEvent,
  SandboxEventFilter,
  SandboxEventGap,
  SandboxEventKind,
} from '../store/types/sandbox-event.ts';

const topicOf = (tenant: string): string => `sandboxes:${tenant}`;

type Meta = Omit<SandboxEvent, 'kind' | 'cursor' | 'at'>;

const fits = ({ ids, providers, labels }: SandboxEventFilter, event: Meta): boolean =>
  (!ids || ids.includes(event.sandboxId)) &&
  (!providers || providers.includes(event.provider)) &&
  Object.entries(labels ?? {}).every(([key, value]) => event.labels[key] === value);

export type SandboxEvents = {
  record(sandbox: Sandbox, kind: SandboxEventKind, position?: number): Promise<void>;
  /** Those of a tenant that `sees` lets through. */
  read(
    tenant: string,
    filter: SandboxEventFilter,
    sees: (sandbox: { id: string; tenant: string; createdBy: string }) => Promise<boolean>,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<SandboxEvent | SandboxEventGap>>;
};

export const createSandboxEvents = ({
  journal,
  cursors,
  clock,
}: {
  journal: Journal;
  cursors: Cursors;
  clock: () => number;
}): SandboxEvents => ({
  async record({ tenant, id, terminationReason, terminationMessage, ...row }, kind, position) {
    const meta: Meta = {
      sandboxId: id,
      provider: row.provider,
      createdBy: row.createdBy,
      labels: row.labels,
      reason: terminationReason,
      message: terminationMessage,
      position: position ?? null,
    };
    await journal.append(topicOf(tenant), [
      { at: clock(), kind, meta: { ...meta, labels: { ...row.labels } }, bytes: new Uint8Array() },
    ]);
  },
  async read(tenant, filter, sees, after, signal) {
    const items = await followFrom(
      { journal, cursors },
      {
        tenant,
        topic: topicOf(tenant),
        expired:
          'The events after this cursor are no longer kept. List the sandboxes, then subscribe without a cursor.',
      },
      after,
      signal,
    );
    const isFor = async (meta: Meta): Promise<boolean> =>
      fits(filter, meta) &&
      (await sees({ id: meta.sandboxId, tenant, createdBy: meta.createdBy ?? '' }));
    return (async function* () {
      for await (const { item, cursor } of items) {
        if ('gap' in item) yield { kind: 'gap' as const, cursor, from: item.from, to: item.to };
        else if (await isFor(item.meta as Meta))
          yield {
            ...(item.meta as Meta),
            kind: item.kind as SandboxEventKind,
            cursor,
            at: item.at,
          };
      }
    })();
  },
});
