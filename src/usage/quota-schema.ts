import { QuotaError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import { ErrorInterface } from '../graphql/errors.ts';
import type { QuotaState } from '../limits/quotas.ts';
import { type Metric, metrics, type Window } from './metrics.ts';

export const MetricEnum = builder.enumType('UsageMetric', {
  description: 'What is counted.',
  values: upper<Metric>(metrics),
});

export const WindowEnum = builder.enumType('QuotaWindow', {
  description: 'What a quota is for, in UTC.',
  values: upper<Window>({
    hour: 'An hour.',
    day: 'A day.',
    month: 'A month.',
    total: 'For ever, or at once for what is alive.',
  }),
});

builder.objectType(QuotaError, {
  name: 'QuotaExceeded',
  description: 'What the tenant or the subject may use is used up; nothing was made.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    quota: t.field({
      description: 'Of what.',
      type: MetricEnum,
      resolve: ({ facts }) => facts.quota as Metric,
    }),
    limit: t.float({ description: 'How much is allowed.', resolve: ({ facts }) => facts.limit }),
    used: t.float({ description: 'How much was used.', resolve: ({ facts }) => facts.used }),
    resetAt: t.field({
      description: 'When it begins anew; null when it does not.',
      type: 'DateTime',
      nullable: true,
      resolve: ({ facts }) => facts.resetAt,
    }),
  }),
});

export const QuotaRef = builder.objectRef<QuotaState>('Quota').implement({
  description: 'How much of something may be used, and how much was.',
  fields: (t) => ({
    metric: t.field({ description: 'Of what.', type: MetricEnum, resolve: (row) => row.metric }),
    window: t.field({ description: 'Per what.', type: WindowEnum, resolve: (row) => row.window }),
    subject: t.exposeString('subject', {
      description: 'Of one subject; null: of the tenant as a whole.',
      nullable: true,
    }),
    limit: t.exposeFloat('limit', { description: 'How much is allowed.' }),
    used: t.exposeFloat('used', { description: 'How much was used.' }),
    remaining: t.float({
      description: 'How much is left.',
      resolve: ({ limit, used }) => Math.max(0, limit - used),
    }),
    resetAt: t.field({
      description: 'When it begins anew; null when it does not.',
      type: 'DateTime',
      nullable: true,
      resolve: (row) => row.resetAt,
    }),
  }),
});

builder.queryField('quota', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'All quotas that bound a tenant and a subject of it, with what was used of them.',
    type: [QuotaRef],
    complexity: 20,
    args: {
      tenant: t.arg.string({ description: 'For roles that reach all. Default: one’s own.' }),
      subject: t.arg.string({ description: 'For roles that reach the tenant. Default: oneself.' }),
    },
    resolve: (_, { tenant, subject }, { usage, principal }) =>
      usage.quotas(principal, { tenant: tenant ?? undefined, subject: subject ?? undefined }),
  }),
);

const SetInput = builder.inputType('SetQuotaInput', {
  description: 'Which quota, and how much.',
  fields: (t) => ({
    metric: t.field({ type: MetricEnum, required: true, description: 'Of what.' }),
    window: t.field({
      type: WindowEnum,
      description: 'Per what. Default: TOTAL; of no meaning for CONCURRENT_SANDBOXES.',
    }),
    limit: t.float({
      description: 'How much, 0 or more. Without it the setting is taken back.',
    }),
    tenant: t.string({ description: 'For roles that reach all. Default: one’s own.' }),
    subject: t.string({
      description: 'One subject of the tenant. Default: the tenant as a whole.',
    }),
  }),
});
const SetPayload = builder.objectRef<{ quotas: QuotaState[] }>('SetQuotaPayload').implement({
  description: 'What holds now.',
  fields: (t) => ({
    quotas: t.field({
      description: 'All quotas of the tenant, and of the subject.',
      type: [QuotaRef],
      resolve: ({ quotas }) => quotas,
    }),
  }),
});

builder.mutationField('setQuota', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Sets a quota. Who reaches all tenants replaces what the plan says; who reaches one can only set less for it.',
    type: SetPayload,
    errors: {},
    args: { input: t.arg({ type: SetInput, required: true, description: 'Which, how much.' }) },
    resolve: async (_, { input }, { usage, principal }) => ({
      quotas: await usage.setQuota(principal, {
        metric: input.metric,
        window: input.window ?? 'total',
        limit: input.limit ?? null,
        tenant: input.tenant ?? undefined,
        subject: input.subject ?? undefined,
      }),
    }),
  }),
);
