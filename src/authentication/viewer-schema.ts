import { type Permission, permissions } from '../authorization/permissions.ts';
import type { Ceilings, Reach } from '../authorization/role.ts';
import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import { rateClasses } from '../limits/plans.ts';
import { QuotaRef } from '../usage/quota-schema.ts';
import { RateLimitRef } from '../usage/schema.ts';
import type { Principal } from './principal.ts';

export const PermissionEnum = builder.enumType('Permission', {
  description: 'What a role allows, and what the scope of a token can narrow it to.',
  values: upper<Permission>(permissions),
});

const ReachEnum = builder.enumType('Reach', {
  description: 'How far a role sees.',
  values: upper<Reach>({
    own: 'Its own sandboxes, and those shared with it.',
    tenant: 'All of its tenant.',
    all: 'Every tenant.',
  }),
});

const CeilingsRef = builder.objectRef<Ceilings>('Ceilings').implement({
  description: 'Most that a role may ask for; null: not limited by the role.',
  fields: (t) => ({
    cpus: t.float({ description: 'Cores.', nullable: true, resolve: (row) => row.cpus ?? null }),
    memoryBytes: t.field({
      description: 'Memory of a sandbox.',
      type: 'Byte',
      nullable: true,
      resolve: (row) => row.memoryBytes ?? null,
    }),
    diskBytes: t.field({
      description: 'Disk of a sandbox.',
      type: 'Byte',
      nullable: true,
      resolve: (row) => row.diskBytes ?? null,
    }),
    executionSeconds: t.float({
      description: 'How long a process runs.',
      nullable: true,
      resolve: (row) => row.executionSeconds ?? null,
    }),
    lifetimeSeconds: t.int({
      description: 'How long a sandbox lives.',
      nullable: true,
      resolve: (row) => row.lifetimeSeconds ?? null,
    }),
    concurrentSandboxes: t.int({
      description: 'Sandboxes at once of a subject.',
      nullable: true,
      resolve: (row) => row.concurrentSandboxes ?? null,
    }),
  }),
});

const ViewerRef = builder.objectRef<Principal>('Viewer').implement({
  description: 'Who the token says you are, and what you may do.',
  fields: (t) => ({
    subject: t.exposeString('subject', { description: 'Who.' }),
    tenant: t.exposeString('tenant', { description: 'For whom; everything is scoped to it.' }),
    role: t.exposeString('role', {
      description: 'viewer, developer, operator, admin, platform, or one of the server’s own.',
    }),
    plan: t.exposeString('plan', { description: 'What quotas and rate limits there are.' }),
    permissions: t.field({
      description: 'What the role allows, as the token narrows it.',
      type: [PermissionEnum],
      resolve: ({ rights }) => [...rights.permissions].sort(),
    }),
    reach: t.field({
      description: 'How far it sees.',
      type: ReachEnum,
      resolve: ({ rights }) => rights.reach,
    }),
    sandboxIds: t.idList({
      description: 'The only sandboxes the token may touch; null: all that the role reaches.',
      nullable: true,
      resolve: ({ rights }) => (rights.sandboxes ? [...rights.sandboxes] : null),
    }),
    providers: t.stringList({
      description: 'The only providers the role allows; null: all.',
      nullable: true,
      resolve: ({ rights }) => (rights.providers ? [...rights.providers] : null),
    }),
    ceilings: t.field({
      description: 'Most that the role may ask for.',
      type: CeilingsRef,
      resolve: ({ rights }) => rights.ceilings,
    }),
    quota: t.field({
      description: 'All quotas that bound you, with what was used of them.',
      type: [QuotaRef],
      complexity: 20,
      resolve: (principal, _, { usage }) => usage.quotas(principal, {}),
    }),
    rateLimits: t.field({
      description: 'How many points you have left.',
      type: [RateLimitRef],
      complexity: 5,
      resolve: (principal, _, { usage }) =>
        Promise.all(rateClasses.map((name) => usage.rateLimit(principal, name))),
    }),
    expiresAt: t.field({
      description: 'When the token ends, and with it its streams.',
      type: 'DateTime',
      resolve: ({ expiresAt }) => expiresAt,
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Who you are.',
    type: ViewerRef,
    resolve: (_, __, { principal }) => principal,
  }),
);
