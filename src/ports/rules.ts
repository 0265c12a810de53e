import type { Rules } from '../authorization/guard.ts';
import type { PortService } from './service.ts';

const sandboxId = (id: string): string => id;

/** Who may reach servers inside sandboxes. */
export const portRules: Rules<PortService> = {
  list: { permission: 'sandboxes:read', action: 'ports', target: sandboxId },
  url: { permission: 'ports:open', action: 'portUrl', target: sandboxId, changes: true },
};
