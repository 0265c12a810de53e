import type { Principal } from '../authentication/principal.ts';
import { tenantFor } from '../authorization/visibility.ts';
import type { AuditFilter, AuditRow, AuditStore } from '../store/types/audit.ts';
import type { Page } from '../store/types/page.ts';

/** What callers get; who may call what is in rules.ts. */
export type AuditService = {
  /** Rows of the caller's tenant, or of another that its role reaches. The tenant '' is that of callers whose token was rejected. */
  page(
    principal: Principal,
    filter: AuditFilter & { tenant?: string | undefined },
    page: Page,
  ): Promise<AuditRow[]>;
};

export const createAuditService = (store: AuditStore): AuditService => ({
  page: async (principal, { tenant, ...filter }, page) =>
    store.page(tenantFor(principal, tenant), filter, page),
});
