import type { Rules } from '../authorization/guard.ts';
import type { DiagnosisService } from './service.ts';

/** Who may have a sandbox checked. */
export const diagnosisRules: Rules<DiagnosisService> = {
  diagnose: {
    permission: 'sandboxes:read',
    action: 'diagnoseSandbox',
    target: (sandboxId) => sandboxId,
    changes: true,
  },
};
