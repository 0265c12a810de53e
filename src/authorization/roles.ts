import { allPermissions, type Permission } from './permissions.ts';
import type { Role } from './role.ts';

const looks: readonly Permission[] = [
  'sandboxes:read',
  'processes:read',
  'files:read',
  'usage:read',
];
const works: readonly Permission[] = [
  ...looks,
  'sandboxes:create',
  'sandboxes:manage',
  'processes:run',
  'terminals:use',
  'files:write',
  'ports:open',
  'agents:run',
  'schema:read',
];

const role = (permissions: readonly Permission[], reach: Role['reach']): Role => ({
  permissions,
  reach,
  providers: null,
  ceilings: {},
  overCeiling: 'refuse',
});

/** What there is without an access file, which may change each of them and add others. */
export const builtInRoles: Readonly<Record<string, Role>> = {
  viewer: role(looks, 'tenant'),
  developer: role(works, 'own'),
  operator: role([...works, 'audit:read'], 'tenant'),
  admin: role(allPermissions, 'tenant'),
  platform: role(allPermissions, 'all'),
};
