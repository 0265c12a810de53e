import type { Identity } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import { isPermission, type Permission } from './permissions.ts';
import type { Rights, Role } from './role.ts';

/** Scopes of OpenID Connect and OAuth, which mean nothing for sandboxes. */
const STANDARD_SCOPES = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
]);
const SANDBOX = 'sandbox:';
/** The scope that allows nothing that changes anything. */
export const READ_ONLY = 'read-only';

const changesNothing = (permission: Permission): boolean => permission.endsWith(':read');

/**
 * A role narrowed by a token's scope, which is words of three kinds: permissions, of which only those named are left (all, when none is);
 * `sandbox:<id>`, the only sandboxes it may touch; `read-only`. A word that is unknown allows nothing, so a mistyped scope never widens a token.
 */
export const rightsOf = (role: Role, scope: readonly string[] | null): Rights => {
  const words = (scope ?? []).filter((word) => !STANDARD_SCOPES.has(word));
  const isSandbox = (word: string): boolean => word.startsWith(SANDBOX);
  const sandboxes = words.filter(isSandbox).map((word) => word.slice(SANDBOX.length));
  const named = words.filter((word) => !isSandbox(word) && word !== READ_ONLY);
  const allowed = role.permissions.filter(
    (permission) =>
      (named.length === 0 || named.includes(permission)) &&
      (!words.includes(READ_ONLY) || changesNothing(permission)) &&
      // A token for certain sandboxes allows neither new ones nor what concerns the tenant.
      (sandboxes.length === 0 || OF_ONE_SANDBOX.has(permission)),
  );
  return {
    reach: role.reach,
    providers: role.providers,
    ceilings: role.ceilings,
    overCeiling: role.overCeiling,
    permissions: new Set(allowed),
    sandboxes: sandboxes.length ? new Set(sandboxes) : null,
  };
};

const OF_ONE_SANDBOX: ReadonlySet<Permission> = new Set<Permission>([
  'sandboxes:read',
  'sandboxes:manage',
  'processes:read',
  'processes:run',
  'terminals:use',
  'files:read',
  'files:write',
  'ports:open',
  'agents:run',
]);

/** The words of a scope that are unknown here. */
export const unknownWords = (scope: readonly string[]): string[] =>
  scope.filter(
    (word) => !isPermission(word) && word !== READ_ONLY && !/^sandbox:sbx_[0-9a-z]{20}$/.test(word),
  );

export const may = ({ rights }: Identity, permission: Permission): boolean =>
  rights.permissions.has(permission);

/** `FORBIDDEN` that names the missing permission. */
export const permit = (identity: Identity, permission: Permission): void => {
  if (may(identity, permission)) return;
  const narrowed = identity.scope ? ', narrowed by the scope of this token,' : '';
  throw new AppError(
    'FORBIDDEN',
    `This requires the permission ${permission}, which the role ${identity.role}${narrowed} does not have. Use a token with another role or scope.`,
    { details: { permission, role: identity.role } },
  );
};

const within = <Item>(
  inner: ReadonlySet<Item> | readonly Item[] | null,
  outer: ReadonlySet<Item> | readonly Item[] | null,
): boolean => {
  if (outer === null) return true;
  const known = new Set(outer);
  return inner !== null && [...inner].every((item) => known.has(item));
};
const REACHES = { own: 0, tenant: 1, all: 2 } as const;

/** What `inner` allows beyond `outer`; null when nothing. */
export const exceeds = (inner: Rights, outer: Rights): string | null => {
  if (!within(inner.permissions, outer.permissions)) return 'permissions';
  if (REACHES[inner.reach] > REACHES[outer.reach]) return 'reach';
  if (!within(inner.providers, outer.providers)) return 'providers';
  if (!within(inner.sandboxes, outer.sandboxes)) return 'sandboxes';
  const [higher] = Object.entries(outer.ceilings).filter(
    ([name, ceiling]) =>
      ceiling !== undefined &&
      (inner.ceilings[name as keyof Rights['ceilings']] ?? Number.POSITIVE_INFINITY) > ceiling,
  );
  return higher ? `ceiling ${higher[0]}` : null;
};
