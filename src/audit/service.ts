import type { Principal } from '../access/principal.ts';
import { tenantFor } from '../access/visibility.ts';
import type { AccessStore, AuditFilter, AuditRow } from '../store/access-store.ts';
import type { Page } from '../store/page.ts';

/** What callers get; who may call what is in rules.ts. */
export type AuditService = {
  /** Of the caller's tenant, or of another where its role reaches that far; '' is that of callers whose token was refused. */
  page(
    principal: Principal,
    filter: AuditFilter & { tenant?: string | undefined },
    page: Page,
  ): Promise<AuditRow[]>;
};

export const createAuditService = (store: AccessStore['audit']): AuditService => ({
  page: async (principal, { tenant, ...filter }, page) =>
    store.page(tenantFor(principal, tenant), filter, page),
});
