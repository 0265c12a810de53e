import type { Rules } from '../authorization/guard.ts';
import type { CatalogService } from './service.ts';

/** Who may see what this server offers. */
export const catalogRules: Rules<CatalogService> = {
  providers: { permission: null, action: 'providers' },
};
