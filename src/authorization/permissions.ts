/** Everything a role can allow, in one closed list; GraphQL's `Permission` enum and the `scope` claim of tokens are made from it. */
export const permissions = {
  'sandboxes:read': 'See sandboxes, their events, what they use, and why they may not work.',
  'sandboxes:create': 'Create sandboxes.',
  'sandboxes:manage': 'Label, extend, share and destroy sandboxes.',
  'processes:read': 'See processes and terminals, and what they say.',
  'processes:run': 'Run commands and code, write to them, signal them.',
  'terminals:use': 'Open terminals and type into them.',
  'files:read': 'See, read, watch and download files.',
  'files:write': 'Write, upload, move, copy and remove files.',
  'ports:open': 'Reach servers inside sandboxes.',
  'agents:run': 'Run agents.',
  'usage:read': 'See usage, quotas and rate limits: one’s own, or those of all the role reaches.',
  'quotas:write': 'Set quotas.',
  'tokens:issue': 'Issue tokens, never with more rights than one’s own.',
  'tokens:revoke': 'Revoke tokens, by id, by subject or of a whole tenant.',
  'audit:read': 'Read the audit log.',
  'schema:read': 'Introspect the schema in production.',
} as const;

export type Permission = keyof typeof permissions;

export const allPermissions = Object.keys(permissions) as readonly Permission[];

export const isPermission = (text: string): text is Permission => Object.hasOwn(permissions, text);
