import type { Rules } from '../authorization/guard.ts';
import type { TokenService } from './service.ts';

/** Who may make tokens and end them. A token itself is never audited, only for whom it is. */
export const tokenRules: Rules<TokenService> = {
  issue: {
    permission: 'tokens:issue',
    action: 'issueToken',
    changes: true,
    target: ({ tenant, subject }) => (tenant === undefined ? subject : `${tenant}/${subject}`),
  },
  revoke: {
    permission: 'tokens:revoke',
    action: 'revokeTokens',
    changes: true,
    target: ({ tenant, kind, value }) => [tenant, kind, value].filter(Boolean).join('/'),
  },
  reauthenticate: { permission: null, action: 'reauthenticate', changes: true },
};
