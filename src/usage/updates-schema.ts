import { builder } from '../graphql/builder.ts';
import type { ThresholdReached, UsageEvent, UsageEventsGap, UsageRecorded } from './feed.ts';
import { MetricEnum, WindowEnum } from './quota-schema.ts';

const names: Readonly<Record<UsageEvent['kind'], string>> = {
  'usage-recorded': 'UsageRecorded',
  'threshold-reached': 'QuotaThresholdReached',
  gap: 'UsageEventsGap',
};

const EventRef = builder.interfaceRef<UsageEvent>('UsageEvent').implement({
  description: 'Something that was used, or a quota that is nearly used up.',
  resolveType: ({ kind }) => names[kind],
  fields: (t) => ({
    cursor: t.field({
      description: 'Resume after this event with it.',
      type: 'Cursor',
      resolve: ({ cursor }) => cursor,
    }),
  }),
});

builder.objectRef<UsageRecorded>('UsageRecorded').implement({
  description:
    'Usage that was booked: one event for each execution, and for each metric of each slice of a sandbox’s life.',
  interfaces: [EventRef],
  fields: (t) => ({
    at: t.field({ description: 'When.', type: 'DateTime', resolve: ({ at }) => at }),
    subject: t.exposeString('subject', { description: 'By whom.' }),
    sandboxId: t.exposeID('sandboxId', { description: 'In which sandbox.' }),
    metric: t.field({ description: 'Of what.', type: MetricEnum, resolve: (row) => row.metric }),
    amount: t.exposeFloat('amount', { description: 'How much.' }),
  }),
});

builder.objectRef<ThresholdReached>('QuotaThresholdReached').implement({
  description: 'A quota is used up to 80 %. Once, until it is used less again or begins anew.',
  interfaces: [EventRef],
  fields: (t) => ({
    at: t.field({ description: 'When.', type: 'DateTime', resolve: ({ at }) => at }),
    metric: t.field({ description: 'Of what.', type: MetricEnum, resolve: (row) => row.metric }),
    window: t.field({ description: 'Per what.', type: WindowEnum, resolve: (row) => row.window }),
    subject: t.exposeString('subject', {
      description: 'Of one subject; null: of the tenant as a whole.',
      nullable: true,
    }),
    limit: t.exposeFloat('limit', { description: 'How much is allowed.' }),
    used: t.exposeFloat('used', { description: 'How much was used.' }),
    resetAt: t.field({
      description: 'When it begins anew; null when it does not.',
      type: 'DateTime',
      nullable: true,
      resolve: ({ resetAt }) => resetAt,
    }),
  }),
});

builder.objectRef<UsageEventsGap>('UsageEventsGap').implement({
  description: 'Events were lost: ask for `usage` again.',
  interfaces: [EventRef],
  fields: (t) => ({
    from: t.exposeInt('from', { description: 'Number of the first lost event.' }),
    to: t.exposeInt('to', { description: 'Number of the last lost event.' }),
  }),
});

builder.subscriptionField('usageUpdates', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'What is used, and quotas that are nearly used up: all that is kept, or all after a cursor, then live.',
    type: EventRef,
    args: {
      tenant: t.arg.string({ description: 'For roles that reach all. Default: one’s own.' }),
      after: t.arg({ type: 'Cursor', description: 'Only what came after this event.' }),
    },
    subscribe: (_, { tenant, after }, { usage, principal, signal }) =>
      usage.updates(principal, { tenant: tenant ?? undefined }, after ?? null, signal),
    resolve: (event) => event,
  }),
);
