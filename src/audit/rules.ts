import type { Rules } from '../authorization/guard.ts';
import type { AuditService } from './service.ts';

/** Who may read the audit log. */
export const auditRules: Rules<AuditService> = {
  page: { permission: 'audit:read', action: 'auditLog' },
};
