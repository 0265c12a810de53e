import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import type { Health } from '../providers/types/provider.ts';
import { CapabilitiesRef } from './capabilities-schema.ts';
import type { ProviderStatus } from './service.ts';

const HealthEnum = builder.enumType('ProviderHealth', {
  description: 'Whether a provider can take sandboxes now.',
  values: upper<Health['status']>({
    healthy: 'It works.',
    degraded: 'It works, but something is wrong; `healthReason` says what.',
    unavailable: 'It takes no new sandboxes; `healthReason` says why.',
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
    health: t.field({
      description: 'Whether it can take sandboxes now.',
      type: HealthEnum,
      resolve: ({ health }) => health.status,
    }),
    healthReason: t.string({
      description: 'What is wrong and how to repair it; null when nothing is.',
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
