import { allPermissions, type Permission } from './permissions.ts';
import type { Role } from './role.ts';

const viewerPermissions: readonly Permission[] = [
  'sandboxes:read',
  'processes:read',
  'files:read',
  'usage:read',
];
const developerPermissions: readonly Permission[] = [
  ...viewerPermissions,
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

/** The roles of a server without an access file, which may change each of them and add others. */
export const builtInRoles: Readonly<Record<string, Role>> = {
  viewer: role(viewerPermissions, 'tenant'),
  developer: role(developerPermissions, 'own'),
  operator: role([...developerPermissions, 'audit:read'], 'tenant'),
  admin: role(allPermissions, 'tenant'),
  platform: role(allPermissions, 'all'),
};
