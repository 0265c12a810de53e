import type { Principal } from '../../src/authentication/principal.ts';
import { builtInAccess } from '../../src/authorization/access-file.ts';
import { rightsOf } from '../../src/authorization/rights.ts';
import { builtInRoles } from '../../src/authorization/roles.ts';

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
