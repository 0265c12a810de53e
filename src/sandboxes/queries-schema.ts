import { z } from 'zod';
import { AppError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import { connection } from '../graphql/pagination.ts';
import type { Sandbox, SandboxFilter, SandboxOrder } from '../store/types/sandbox.ts';
import { SandboxRef, SandboxStateEnum } from './schema.ts';

export const LabelInput = builder.inputType('LabelInput', {
  description: 'A label.',
  fields: (t) => ({
    key: t.string({ required: true, description: '1 to 63 of A-Z a-z 0-9 . _ / -' }),
    value: t.string({ required: true, description: 'At most 255 characters.' }),
  }),
});

export const SandboxFilterInput = builder.inputType('SandboxFilter', {
  description: 'All that is given must hold.',
  fields: (t) => ({
    states: t.field({ type: [SandboxStateEnum], description: 'In one of these states.' }),
    providers: t.stringList({ description: 'Run by one of these.' }),
    labels: t.field({ type: [LabelInput], description: 'With all of these labels.' }),
    text: t.string({
      description: 'Part of the id, the template or a label, in any case.',
      validate: z.string().max(200),
    }),
  }),
});

const OrderField = builder.enumType('SandboxOrderField', {
  description: 'What lists are sorted by.',
  values: {
    CREATED_AT: { value: 'createdAt' as SandboxOrder, description: 'When it was asked for.' },
    EXPIRES_AT: { value: 'expiresAt' as SandboxOrder, description: 'When it ends.' },
  },
});
const Direction = builder.enumType('OrderDirection', {
  description: 'Which way.',
  values: upper<'asc' | 'desc'>({ asc: 'Smallest first.', desc: 'Largest first.' }),
});

const OrderInput = builder.inputType('SandboxOrder', {
  description: 'How to sort.',
  fields: (t) => ({
    field: t.field({ type: OrderField, required: true, description: 'By what.' }),
    direction: t.field({ type: Direction, required: true, description: 'Which way.' }),
  }),
});

const MAX_LABELS = 64;

export const toLabels = (
  pairs: readonly { key: string; value: string }[],
): Record<string, string> => {
  if (pairs.length > MAX_LABELS)
    throw new AppError('INVALID_ARGUMENT', `labels: at most ${MAX_LABELS}.`);
  const keys = new Set(pairs.map(({ key }) => key));
  if (keys.size !== pairs.length)
    throw new AppError('INVALID_ARGUMENT', 'labels: a key is given twice.');
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
};

export const toFilter = (
  input: typeof SandboxFilterInput.$inferInput | null | undefined,
): SandboxFilter => ({
  ...(input?.states ? { states: input.states } : {}),
  ...(input?.providers ? { providers: input.providers } : {}),
  ...(input?.labels ? { labels: toLabels(input.labels) } : {}),
  ...(input?.text ? { text: input.text } : {}),
});

builder.queryField('sandboxes', (t) =>
  t.withAuth({ authenticated: true }).connection(
    {
      description: 'The tenant’s sandboxes, newest first unless said otherwise.',
      type: SandboxRef,
      args: {
        filter: t.arg({ type: SandboxFilterInput, description: 'Which.' }),
        orderBy: t.arg({
          type: OrderInput,
          description: 'How to sort. Default: CREATED_AT, DESC.',
        }),
      },
      complexity: ({ first, last }) => ({ field: 2, multiplier: first ?? last ?? 1 }),
      resolve: async (_, { filter, orderBy, ...page }, { sandboxes, principal }) => {
        const by = orderBy?.field ?? 'createdAt';
        const wanted = toFilter(filter);
        const found = await connection<Sandbox>(page, {
          newestFirst: (orderBy?.direction ?? 'desc') === 'desc',
          key: (row) => ({ key: row[by], id: row.id }),
          fetch: (range) => sandboxes.page(principal, wanted, by, range),
        });
        return { ...found, count: () => sandboxes.count(principal, wanted) };
      },
    },
    {
      description: 'A page of sandboxes.',
      fields: (f) => ({
        totalCount: f.int({
          description: 'How many the filter finds.',
          resolve: (page) => (page as unknown as { count(): Promise<number> }).count(),
        }),
      }),
    },
    { description: 'A place in the list.' },
  ),
);

builder.queryField('sandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'One sandbox; null when there is none with this id in the tenant.',
    type: SandboxRef,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: '`sbx_…`' }) },
    resolve: async (_, { id }, { sandboxes, principal }) =>
      (await sandboxes.getMany(principal, [id]))[0] ?? null,
  }),
);
