import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import { type RateClass, rateClasses } from '../limits/plans.ts';
import type { RateState } from '../limits/rate-limits.ts';
import type { UsageGroup, UsageSum } from '../store/types/usage.ts';
import { HOUR_MS } from './metrics.ts';
import { MetricEnum } from './quota-schema.ts';

const GroupEnum = builder.enumType('UsageGroup', {
  description: 'What usage is summed by, besides what is counted.',
  values: upper<UsageGroup>({
    metric: 'Nothing else.',
    subject: 'Who used it.',
    sandboxId: 'Which sandbox.',
    hour: 'Hour, in UTC.',
    day: 'Day, in UTC.',
  }),
});

const UsageRef = builder.objectRef<UsageSum & { groupBy: UsageGroup }>('Usage').implement({
  description: 'How much of something was used.',
  fields: (t) => ({
    metric: t.field({ description: 'Of what.', type: MetricEnum, resolve: (row) => row.metric }),
    amount: t.exposeFloat('amount', { description: 'How much.' }),
    subject: t.string({
      description: 'By whom, when grouped by SUBJECT.',
      nullable: true,
      resolve: ({ groupBy, key }) => (groupBy === 'subject' ? key : null),
    }),
    sandboxId: t.id({
      description: 'In which sandbox, when grouped by SANDBOX_ID.',
      nullable: true,
      resolve: ({ groupBy, key }) => (groupBy === 'sandboxId' ? key : null),
    }),
    from: t.field({
      description: 'Beginning of the hour or day, when grouped by one.',
      type: 'DateTime',
      nullable: true,
      resolve: ({ groupBy, key }) => (groupBy === 'hour' || groupBy === 'day' ? Number(key) : null),
    }),
  }),
});

builder.queryField('usage', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'What was used, as measured and recorded: what sandboxes use right now is added every few seconds and at their end.',
    type: [UsageRef],
    complexity: 50,
    args: {
      from: t.arg({ type: 'DateTime', required: true, description: 'From this instant on.' }),
      to: t.arg({ type: 'DateTime', description: 'Until before this one. Default: now.' }),
      groupBy: t.arg({ type: GroupEnum, description: 'Summed by. Default: METRIC.' }),
      tenant: t.arg.string({ description: 'For roles that reach all. Default: one’s own.' }),
      subject: t.arg.string({
        description: 'For roles that reach the tenant. Default: all of it; others see their own.',
      }),
      sandboxId: t.arg.id({ description: 'Only of this sandbox.' }),
    },
    resolve: async (_, { from, to, groupBy, ...whose }, { usage, principal }) => {
      const by = groupBy ?? 'metric';
      const sums = await usage.usage(
        principal,
        {
          from,
          // What is recorded in this very millisecond belongs to it.
          to: to ?? Date.now() + HOUR_MS,
          tenant: whose.tenant ?? undefined,
          subject: whose.subject ?? undefined,
          sandboxId: whose.sandboxId ?? undefined,
        },
        by,
      );
      return sums.map((sum) => ({ ...sum, groupBy: by }));
    },
  }),
);

const RateClassEnum = builder.enumType('RateLimitClass', {
  description: 'What calls cost points of.',
  values: upper<RateClass>({
    executions: 'Creating a sandbox and starting something in it: one point each.',
    files: 'Touching files: one point each.',
    reads: 'Every operation: its complexity.',
  }),
});

export const RateLimitRef = builder.objectRef<RateState>('RateLimit').implement({
  description: 'How many points are left; the narrower of what the subject and its tenant have.',
  fields: (t) => ({
    class: t.field({
      description: 'Of what.',
      type: RateClassEnum,
      resolve: ({ rateClass }) => rateClass,
    }),
    limit: t.exposeInt('limit', {
      description: 'Points of a window; null: not limited.',
      nullable: true,
    }),
    cost: t.int({
      description: 'What this operation costs of READS; 0 of others.',
      resolve: ({ rateClass }, _, { cost }) => (rateClass === 'reads' ? cost : 0),
    }),
    remaining: t.exposeInt('remaining', {
      description: 'Points left; null: not limited.',
      nullable: true,
    }),
    resetAt: t.field({
      description: 'When the window ends; null before its first call.',
      type: 'DateTime',
      nullable: true,
      resolve: ({ resetAt }) => resetAt,
    }),
  }),
});

builder.queryField('rateLimit', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'How many points one has left.',
    type: RateLimitRef,
    args: { class: t.arg({ type: RateClassEnum, description: 'Of what. Default: READS.' }) },
    resolve: (_, args, { usage, principal }) =>
      usage.rateLimit(principal, args.class ?? rateClasses[2]),
  }),
);
