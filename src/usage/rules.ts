import type { Rules } from '../authorization/guard.ts';
import type { UsageService } from './service.ts';

/** Who may see usage and set quotas. */
export const usageRules: Rules<UsageService> = {
  usage: { permission: 'usage:read', action: 'usage' },
  quotas: { permission: 'usage:read', action: 'quota' },
  updates: { permission: 'usage:read', action: 'usageUpdates' },
  rateLimit: { permission: null, action: 'rateLimit' },
  setQuota: {
    permission: 'quotas:write',
    action: 'setQuota',
    changes: true,
    target: ({ tenant, subject, metric }) =>
      [tenant, subject, metric].filter((part) => part !== undefined).join('/'),
  },
};
