import type { Rules } from '../authorization/guard.ts';
import type { SandboxService } from './service.ts';

const id = (sandboxId: string): string => sandboxId;
const looks = (action: string) => ({ permission: 'sandboxes:read', action, target: id }) as const;
const manages = (action: string) =>
  ({ permission: 'sandboxes:manage', action, target: id, changes: true }) as const;

/** Who may do what with sandboxes. Which of them a caller sees at all is decided in reader.ts. */
export const sandboxRules: Rules<SandboxService> = {
  get: looks('sandbox'),
  getMany: {
    permission: 'sandboxes:read',
    action: 'sandbox',
    missing: (rows, ids) => ids.filter((_, index) => !rows[index]),
  },
  page: { permission: 'sandboxes:read', action: 'sandboxes' },
  count: { permission: 'sandboxes:read', action: 'sandboxes' },
  usage: looks('resources'),
  diagnose: { ...looks('diagnoseSandbox'), changes: true },
  queuePosition: looks('queuePosition'),
  shares: looks('shares'),
  events: { permission: 'sandboxes:read', action: 'sandboxEvents' },
  providers: { permission: null, action: 'providers' },
  create: {
    permission: 'sandboxes:create',
    action: 'createSandbox',
    changes: true,
    rate: 'executions',
  },
  setLabels: manages('updateSandbox'),
  extend: manages('extendSandbox'),
  share: manages('shareSandbox'),
  unshare: manages('unshareSandbox'),
  destroy: manages('destroySandbox'),
  destroyMany: {
    permission: 'sandboxes:manage',
    action: 'destroySandboxes',
    changes: true,
    each: (rows) => rows.map((row) => row.id),
  },
};
