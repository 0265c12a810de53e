import type { Principal } from '../authentication/principal.ts';
import {
  readOnlyShare,
  scopeOf,
  type Visibility,
  visibleFilter,
} from '../authorization/visibility.ts';
import { notFound } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { Page } from '../store/types/page.ts';
import type { Sandbox, SandboxFilter, SandboxOrder } from '../store/types/sandbox.ts';
import type { ShareAccess } from '../store/types/share.ts';

/** The one place where rows of sandboxes are read for a caller: what it may not see is not there. */
export type SandboxReader = {
  /** `NOT_FOUND` for what there is not and for what the caller may not see; `FORBIDDEN` for what it may only look at. */
  find(principal: Principal, id: string, need: ShareAccess): Promise<Sandbox>;
  findMany(principal: Principal, ids: readonly string[]): Promise<(Sandbox | null)[]>;
  page(
    principal: Principal,
    filter: SandboxFilter,
    orderBy: SandboxOrder,
    page: Page,
  ): Promise<Sandbox[]>;
  count(principal: Principal, filter: SandboxFilter): Promise<number>;
  sees(
    principal: Principal,
    sandbox: Pick<Sandbox, 'id' | 'tenant' | 'createdBy'>,
  ): Promise<boolean>;
};

export const createSandboxReader = (
  { sandboxes }: Store,
  visibility: Visibility,
): SandboxReader => ({
  async find(principal, id, need) {
    const row = await sandboxes.find(scopeOf(principal), id);
    const access = row && (await visibility.among(principal, [row])).get(id);
    if (!row || !access) throw notFound('sandbox', id);
    if (need === 'write' && access === 'read') throw readOnlyShare(id);
    return row;
  },
  async findMany(principal, ids) {
    const rows = await sandboxes.findMany(scopeOf(principal), ids);
    const visible = await visibility.among(
      principal,
      rows.filter((row) => row !== null),
    );
    return rows.map((row) => (row && visible.has(row.id) ? row : null));
  },
  page: (principal, filter, orderBy, page) =>
    sandboxes.page(scopeOf(principal), visibleFilter(principal, filter), orderBy, page),
  count: (principal, filter) =>
    sandboxes.count(scopeOf(principal), visibleFilter(principal, filter)),
  sees: async (principal, sandbox) =>
    (await visibility.among(principal, [sandbox])).has(sandbox.id),
});
