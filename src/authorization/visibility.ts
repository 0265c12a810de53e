import type { Identity } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import type { Sandbox, SandboxFilter } from '../store/types/sandbox.ts';
import { everyTenant, type TenantScope } from '../store/types/scope.ts';
import type { ShareAccess, ShareStore } from '../store/types/share.ts';

type Row = Pick<Sandbox, 'id' | 'tenant' | 'createdBy'>;

/** The tenants whose rows a caller's queries may find. */
export const scopeOf = ({ tenant, rights }: Identity): TenantScope =>
  rights.reach === 'all' ? everyTenant : tenant;

/** The tenant that a request is about: the caller's own unless it names another. `FORBIDDEN` when its role does not reach that tenant. */
export const tenantFor = (
  { tenant, role, rights }: Identity,
  requested: string | undefined,
): string => {
  if (requested !== undefined && requested !== tenant && rights.reach !== 'all')
    throw new AppError(
      'FORBIDDEN',
      `The role ${role} does not reach other tenants. Omit the tenant, or use a token with a role that reaches all.`,
    );
  return requested ?? tenant;
};

/** Whether a caller may see and use every sandbox of the tenants it reaches, so that none has to be checked by itself. */
export const seesAll = ({ rights }: Identity): boolean =>
  rights.reach !== 'own' && rights.sandboxes === null;

/** The filter of a list, narrowed to what the caller may see. */
export const visibleFilter = (
  { subject, rights }: Identity,
  filter: SandboxFilter,
): SandboxFilter => ({
  ...filter,
  ...(rights.reach === 'own' ? { visibleTo: subject } : {}),
  ...(rights.sandboxes
    ? { ids: [...rights.sandboxes].filter((id) => filter.ids?.includes(id) ?? true) }
    : {}),
});

export type Visibility = {
  /** The rows that the caller may see, and whether it may also use them. */
  among(identity: Identity, rows: readonly Row[]): Promise<ReadonlyMap<string, ShareAccess>>;
};

export const createVisibility = (shares: ShareStore): Visibility => ({
  async among({ subject, tenant, rights }, rows) {
    const inScope = rows.filter(({ id }) => rights.sandboxes?.has(id) ?? true);
    if (rights.reach !== 'own') return new Map(inScope.map(({ id }) => [id, 'write']));
    const own = inScope.filter(({ createdBy }) => createdBy === subject);
    const others = inScope.filter(({ createdBy }) => createdBy !== subject);
    const shared = await shares.among(
      tenant,
      subject,
      others.map(({ id }) => id),
    );
    return new Map([
      ...own.map(({ id }) => [id, 'write'] as const),
      ...shared.map(({ sandboxId, access }) => [sandboxId, access] as const),
    ]);
  },
});

/** `FORBIDDEN` for a sandbox that is shared with read access only. */
export const readOnlyShare = (id: string): AppError =>
  new AppError(
    'FORBIDDEN',
    `The sandbox ${id} is shared with you with read access only. Ask its owner to share it with write access.`,
    { details: { sandboxId: id } },
  );
