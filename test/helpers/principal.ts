import { builtInAccess } from '../../src/access/access-file.ts';
import type { Principal } from '../../src/access/principal.ts';
import { rightsOf } from '../../src/access/rights.ts';
import { builtInRoles } from '../../src/access/roles.ts';

/** A caller as a token of this role makes one. */
export const principal = ({
  role = 'admin',
  scope = null,
  ...changes
}: Partial<Omit<Principal, 'rights'>> = {}): Principal => {
  const definition = builtInRoles[role];
  if (!definition) throw new Error(`no role ${role} of ${Object.keys(builtInAccess.roles)}`);
  return {
    subject: 'alice',
    tenant: 'acme',
    role,
    plan: 'unlimited',
    scope,
    issuedAt: 0,
    expiresAt: Number.MAX_SAFE_INTEGER,
    tokenId: null,
    rights: rightsOf(definition, scope),
    requestId: 'req_test',
    address: null,
    ...changes,
  };
};
