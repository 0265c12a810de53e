/** Said where a query is meant to see all tenants; everywhere else it names one. */
export const everyTenant = Symbol('every tenant');
export type TenantScope = string | typeof everyTenant;
