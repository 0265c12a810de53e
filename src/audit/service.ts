import type { Principal } from '../access/principal.ts';
import { AppError } from '../errors.ts';
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
  async page(principal, { tenant = principal.tenant, ...filter }, page) {
    if (tenant !== principal.tenant && principal.rights.reach !== 'all')
      throw new AppError('FORBIDDEN', 'The role does not reach other tenants.');
    return store.page(tenant, filter, page);
  },
});
