import type { Rules } from '../authorization/guard.ts';
import type { SandboxService } from './operations.ts';

const sandboxId = (id: string): string => id;
const view = (action: string) =>
  ({ permission: 'sandboxes:read', action, target: sandboxId }) as const;
const manage = (action: string) =>
  ({ permission: 'sandboxes:manage', action, target: sandboxId, changes: true }) as const;

/** Who may do what with sandboxes. Which of them a caller sees at all is decided in reader.ts. */
export const sandboxRules: Rules<SandboxService> = {
  get: view('sandbox'),
  getMany: {
    permission: 'sandboxes:read',
    action: 'sandbox',
    missing: (rows, ids) => ids.filter((_, index) => !rows[index]),
  },
  page: { permission: 'sandboxes:read', action: 'sandboxes' },
  count: { permission: 'sandboxes:read', action: 'sandboxes' },
  usage: view('resources'),
  queuePosition: view('queuePosition'),
  events: { permission: 'sandboxes:read', action: 'sandboxEvents' },
  create: {
    permission: 'sandboxes:create',
    action: 'createSandbox',
    changes: true,
    rate: 'executions',
  },
  setLabels: manage('updateSandbox'),
  extend: manage('extendSandbox'),
  destroy: manage('destroySandbox'),
  destroyMany: {
    permission: 'sandboxes:manage',
    action: 'destroySandboxes',
    changes: true,
    each: (rows) => rows.map((row) => row.id),
  },
};
