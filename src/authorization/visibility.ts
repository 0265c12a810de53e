import type { Identity } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import type { Sandbox, SandboxFilter } from '../store/types/sandbox.ts';
import { everyTenant, type TenantScope } from '../store/types/scope.ts';
import type { ShareAccess, ShareStore } from '../store/types/share.ts';

type Row = Pick<Sandbox, 'id' | 'tenant' | 'createdBy'>;

/** The tenants whose rows a caller's queries may find. */
export const scopeOf = ({ tenant, rights }: Identity): TenantScope =>
  rights.reach === 'all' ? everyTenant : tenant;

/** The tenant a caller asks about: its own unless it names another. `FORBIDDEN` where its role does not reach that far. */
export const tenantFor = ({ tenant, rights }: Identity, asked: string | undefined): string => {
  if (asked !== undefined && asked !== tenant && rights.reach !== 'all')
    throw new AppError('FORBIDDEN', 'The role does not reach other tenants.');
  return asked ?? tenant;
};

/** Sees and uses every sandbox of the tenants it reaches, so that none of them has to be looked at to know. */
export const seesAll = ({ rights }: Identity): boolean =>
  rights.reach !== 'own' && rights.sandboxes === null;

/** What a list must be narrowed by for a caller. */
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
  /** Those of the rows that the caller may see, and whether it may also use them. */
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

/** `FORBIDDEN` for what is shared to be looked at only. */
export const readOnlyShare = (id: string): AppError =>
  new AppError(
    'FORBIDDEN',
    `The sandbox ${id} is shared with you to look at, not to use. Ask its owner to share it with write access.`,
    { details: { sandboxId: id } },
  );
