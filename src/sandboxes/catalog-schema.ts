import type { Principal } from '../access/principal.ts';
import { type Role, roles } from '../access/principal.ts';
import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import type { Capabilities, Health, Provider } from '../providers/provider.ts';

const CapabilitiesRef = builder.objectRef<Capabilities>('Capabilities').implement({
  description: 'How a provider does each thing; `none` is refused with UNSUPPORTED.',
  fields: (t) => ({
    reattach: t.exposeString('reattach', {
      description: 'What a server that comes back gets of a running process: replay, live or none.',
    }),
    output: t.exposeString('output', { description: 'bytes: exact; text: decoded by the vendor.' }),
    pty: t.exposeString('pty', { description: 'Terminals.' }),
    stdin: t.exposeString('stdin', { description: 'Writing to processes.' }),
    signals: t.exposeString('signals', { description: 'group: the whole process group gets it.' }),
    watch: t.exposeString('watch', { description: 'File changes.' }),
    ports: t.exposeString('ports', { description: 'Reaching servers inside.' }),
    extend: t.exposeString('extend', { description: 'Moving the expiry.' }),
    pause: t.exposeString('pause', { description: 'Pausing.' }),
    snapshot: t.exposeString('snapshot', { description: 'Snapshots.' }),
    secrets: t.exposeString('secrets', {
      description: 'env: secrets are variables that processes see.',
    }),
    limits: t.exposeString('limits', {
      description: 'enforced by the kernel, best-effort, or none.',
    }),
    networkPolicies: t.stringList({
      description: 'Network modes it knows.',
      resolve: (row) => [...row.networkPolicies],
    }),
  }),
});

export const ProviderRef = builder
  .objectRef<{ provider: Provider; health: Health }>('Provider')
  .implement({
    description: 'One vendor of sandboxes, or this host.',
    fields: (t) => ({
      name: t.string({
        description: 'As in `createSandbox`.',
        resolve: ({ provider }) => provider.name,
      }),
      capabilities: t.field({
        description: 'What it can do, and how.',
        type: CapabilitiesRef,
        resolve: ({ provider }) => provider.capabilities,
      }),
      health: t.string({
        description: 'healthy, degraded or unavailable.',
        resolve: ({ health }) => health.status,
      }),
      healthReason: t.string({
        description: 'What is wrong and how to mend it.',
        nullable: true,
        resolve: ({ health }) => health.reason,
      }),
    }),
  });

const RoleEnum = builder.enumType('Role', {
  description: 'What a token may do.',
  values: upper<Role>({
    viewer: 'Looks.',
    developer: 'Works in sandboxes.',
    operator: 'Looks after those of the tenant.',
    admin: 'Everything of the tenant.',
  }),
});

const ViewerRef = builder.objectRef<Principal>('Viewer').implement({
  description: 'Who the token says you are.',
  fields: (t) => ({
    subject: t.exposeString('subject', { description: 'Who.' }),
    tenant: t.exposeString('tenant', { description: 'For whom; everything is scoped to it.' }),
    role: t.field({
      description: `One of ${roles.join(', ')}.`,
      type: RoleEnum,
      resolve: ({ role }) => role,
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

builder.queryField('providers', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Who can run sandboxes here.',
    type: [ProviderRef],
    resolve: (_, __, { sandboxes }) => sandboxes.providers(),
  }),
);
