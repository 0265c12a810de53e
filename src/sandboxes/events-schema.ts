import { builder } from '../graphql/builder.ts';
import type { Context } from '../graphql/context.ts';
import type {
  SandboxEvent,
  SandboxEventGap,
  SandboxEventKind,
} from '../store/types/sandbox-event.ts';
import { LabelInput, toLabels } from './queries-schema.ts';
import { SandboxRef, TerminationReasonEnum } from './schema.ts';

const names: Readonly<Record<SandboxEventKind | 'gap', string>> = {
  'sandbox-queued': 'SandboxQueued',
  'sandbox-created': 'SandboxCreated',
  'sandbox-ready': 'SandboxReady',
  'sandbox-expiring': 'SandboxExpiring',
  'sandbox-destroyed': 'SandboxDestroyed',
  'sandbox-failed': 'SandboxFailed',
  gap: 'SandboxEventsGap',
};

const EventRef = builder.interfaceRef<SandboxEvent | SandboxEventGap>('SandboxEvent').implement({
  description: 'Something that happened to a sandbox of the tenant.',
  resolveType: (event) => names[event.kind],
  fields: (t) => ({
    cursor: t.field({
      description: 'Resume after this event with it.',
      type: 'Cursor',
      resolve: ({ cursor }) => cursor,
    }),
  }),
});

const happened = (kind: SandboxEventKind, description: string) =>
  builder.objectRef<SandboxEvent>(names[kind]).implement({
    description,
    interfaces: [EventRef],
    fields: (t) => ({
      at: t.field({ description: 'When.', type: 'DateTime', resolve: ({ at }) => at }),
      sandboxId: t.exposeID('sandboxId', { description: 'Which.' }),
      sandbox: t.field({
        description: 'The sandbox as it is now, not as it was then.',
        type: SandboxRef,
        nullable: true,
        resolve: ({ sandboxId }, _: object, context: Context) =>
          SandboxRef.getDataloader(context).load(sandboxId),
      }),
      reason: t.field({
        description: 'Why it ended.',
        type: TerminationReasonEnum,
        nullable: true,
        resolve: ({ reason }) => reason,
      }),
      message: t.exposeString('message', {
        description: 'Why it ended, for people.',
        nullable: true,
      }),
    }),
  });

const Queued = happened('sandbox-queued', 'There was no room: it waits.');
builder.objectField(Queued, 'position', (t) =>
  t.int({
    description:
      'Its place when it began to wait, 1 for the next; `Sandbox.queuePosition` is that of now.',
    nullable: true,
    resolve: ({ position }) => position,
  }),
);
happened('sandbox-created', 'It was asked for.');
happened('sandbox-ready', 'It can be used.');
happened('sandbox-expiring', 'It ends within a minute unless it is extended.');
happened('sandbox-destroyed', 'It has ended.');
happened('sandbox-failed', 'It could not be made.');
builder.objectRef<SandboxEventGap>('SandboxEventsGap').implement({
  description: 'Events were lost: list the sandboxes again.',
  interfaces: [EventRef],
  fields: (t) => ({
    from: t.exposeInt('from', { description: 'Number of the first lost event.' }),
    to: t.exposeInt('to', { description: 'Number of the last lost event.' }),
  }),
});

const FilterInput = builder.inputType('SandboxEventsFilter', {
  description: 'All that is given must hold.',
  fields: (t) => ({
    tenant: t.string({
      description: 'Of this tenant, for roles that reach all. Default: one’s own.',
    }),
    sandboxIds: t.idList({ description: 'Only these.' }),
    providers: t.stringList({ description: 'Only of these providers.' }),
    labels: t.field({
      type: [LabelInput],
      description: 'Only with all of these labels (as they were at the event).',
    }),
  }),
});

builder.subscriptionField('sandboxEvents', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Creation, readiness, coming expiry and end of the sandboxes one may see: all that is kept, or all after a cursor, then live.',
    type: EventRef,
    args: {
      filter: t.arg({ type: FilterInput, description: 'Which.' }),
      after: t.arg({ type: 'Cursor', description: 'Only what came after this event.' }),
    },
    subscribe: (_, { filter, after }, { sandboxes, principal, signal }) =>
      sandboxes.events(
        principal,
        {
          ...(filter?.tenant ? { tenant: filter.tenant } : {}),
          ...(filter?.sandboxIds ? { ids: filter.sandboxIds } : {}),
          ...(filter?.providers ? { providers: filter.providers } : {}),
          ...(filter?.labels ? { labels: toLabels(filter.labels) } : {}),
        },
        after ?? null,
        signal,
      ),
    resolve: (event) => event,
  }),
);
