import { builder } from '../graphql/builder.ts';
import type { ResourceUsage } from '../providers/types/sandbox.ts';

const EnforcementRef = builder
  .objectRef<ResourceUsage['enforcement']>('ResourceEnforcement')
  .implement({
    description:
      'Who holds each limit: the kernel by a control group, an rlimit, or only accounting.',
    fields: (t) => ({
      cpus: t.exposeString('cpus', { description: 'Of the cores.' }),
      memory: t.exposeString('memory', { description: 'Of memory.' }),
      disk: t.exposeString('disk', { description: 'Of disk.' }),
      processes: t.exposeString('processes', { description: 'Of processes.' }),
    }),
  });

export const ResourcesRef = builder.objectRef<ResourceUsage>('Resources').implement({
  description:
    'What a sandbox uses and what it may use. A number that its provider does not measure is null.',
  fields: (t) => ({
    cpuSeconds: t.exposeFloat('cpuSeconds', {
      description: 'CPU seconds used since it was created, user and system.',
      nullable: true,
    }),
    memoryBytes: t.field({
      description: 'Memory in use.',
      type: 'Byte',
      nullable: true,
      resolve: (usage) => usage.memoryBytes,
    }),
    peakMemoryBytes: t.field({
      description: 'Most memory ever in use.',
      type: 'Byte',
      nullable: true,
      resolve: (usage) => usage.peakMemoryBytes,
    }),
    diskBytes: t.field({
      description: 'Disk in use below the home.',
      type: 'Byte',
      nullable: true,
      resolve: (usage) => usage.diskBytes,
    }),
    processes: t.exposeInt('processes', { description: 'Processes alive.', nullable: true }),
    cpuLimit: t.float({ description: 'Cores it may use.', resolve: ({ limits }) => limits.cpus }),
    memoryLimitBytes: t.field({
      description: 'Memory it may use.',
      type: 'Byte',
      resolve: ({ limits }) => limits.memoryBytes,
    }),
    diskLimitBytes: t.field({
      description: 'Disk it may use.',
      type: 'Byte',
      resolve: ({ limits }) => limits.diskBytes,
    }),
    processLimit: t.int({
      description: 'Processes it may have.',
      resolve: ({ limits }) => limits.processes,
    }),
    enforcement: t.field({
      description: 'Who holds the limits.',
      type: EnforcementRef,
      resolve: (usage) => usage.enforcement,
    }),
  }),
});
