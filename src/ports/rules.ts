import type { Rules } from '../authorization/guard.ts';
import type { PortService } from './service.ts';

const id = (sandboxId: string): string => sandboxId;

/** Who may reach servers inside sandboxes. */
export const portRules: Rules<PortService> = {
  list: { permission: 'sandboxes:read', action: 'ports', target: id },
  url: { permission: 'ports:open', action: 'portUrl', target: id, changes: true },
};
