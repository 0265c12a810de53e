import type { Rules } from './guard.ts';
import type { SharingService } from './sharing.ts';

const sandboxId = (id: string): string => id;
const manage = (action: string) =>
  ({ permission: 'sandboxes:manage', action, target: sandboxId, changes: true }) as const;

/** Who may share sandboxes. Whose sandbox it is is checked in sharing.ts. */
export const sharingRules: Rules<SharingService> = {
  shares: { permission: 'sandboxes:read', action: 'shares', target: sandboxId },
  share: manage('shareSandbox'),
  unshare: manage('unshareSandbox'),
};
