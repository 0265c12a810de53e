import { builder } from '../graphql/builder.ts';
import type { Capabilities } from '../providers/provider.ts';
import type { ProviderStatus } from './service.ts';

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

export const ProviderRef = builder.objectRef<ProviderStatus>('Provider').implement({
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

builder.queryField('providers', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Who can run sandboxes here, of those that the role allows.',
    type: [ProviderRef],
    resolve: (_, __, { catalog, principal }) => catalog.providers(principal),
  }),
);
