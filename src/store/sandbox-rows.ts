import { type ExpressionBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Sealer } from '../lib/sealed.ts';
import type { Tables } from './database.ts';
import { oneOf } from './rows.ts';
import type { Labels, Sandbox, SandboxFilter } from './types/sandbox.ts';

export type SandboxRow = Tables['sandboxes'];

/** Most have no variables: nothing to seal. */
const NO_ENV = '{}';

export const translate = ({ seal, unseal }: Sealer) => ({
  toRow(sandbox: Partial<Sandbox>): Partial<SandboxRow> {
    const { labels, env, networkAllow, placement, ...rest } = sandbox;
    const sealed = (text: string): string => (text === NO_ENV ? text : seal(text));
    return {
      ...rest,
      ...(labels ? { labels: JSON.stringify(labels) } : {}),
      ...(env ? { env: sealed(JSON.stringify(env)) } : {}),
      ...(networkAllow ? { networkAllow: JSON.stringify(networkAllow) } : {}),
      ...(placement === undefined
        ? {}
        : { placement: placement === null ? null : JSON.stringify(placement) }),
    };
  },
  fromRow: (row: SandboxRow): Sandbox => ({
    ...row,
    labels: JSON.parse(row.labels) as Labels,
    env: JSON.parse(unseal(row.env)) as Record<string, string>,
    networkAllow: JSON.parse(row.networkAllow) as string[],
    placement: row.placement === null ? null : (JSON.parse(row.placement) as Sandbox['placement']),
  }),
});

const like = (text: string): string => `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;

export const matches = <Out>(
  query: SelectQueryBuilder<Tables, 'sandboxes', Out>,
  filter: SandboxFilter,
) => {
  const { states, providers, labels, text, ids, visibleTo } = filter;
  let found = query;
  if (ids) found = found.where(oneOf('sandboxes.id', ids));
  if (visibleTo !== undefined)
    found = found.where((eb) =>
      eb.or([
        eb('sandboxes.createdBy', '=', visibleTo),
        eb.exists(
          eb
            .selectFrom('sandbox_shares')
            .select('access')
            .whereRef('sandbox_shares.tenant', '=', 'sandboxes.tenant')
            .whereRef('sandbox_shares.sandboxId', '=', 'sandboxes.id')
            .where('sandbox_shares.subject', '=', visibleTo),
        ),
      ]),
    );
  if (states) found = found.where(oneOf('state', states));
  if (providers) found = found.where(oneOf('provider', providers));
  for (const [key, value] of Object.entries(labels ?? {})) {
    found = found.where(({ exists, selectFrom }: ExpressionBuilder<Tables, 'sandboxes'>) =>
      exists(
        selectFrom('sandbox_labels')
          .select('key')
          .whereRef('sandboxId', '=', 'sandboxes.id')
          .where('key', '=', key)
          .where('value', '=', value),
      ),
    );
  }
  if (text) {
    const pattern = like(text);
    found = found.where((eb) =>
      eb.or([
        sql<boolean>`lower(sandboxes.id) like ${pattern} escape '\\'`,
        sql<boolean>`lower(template) like ${pattern} escape '\\'`,
        eb.exists(
          eb
            .selectFrom('sandbox_labels')
            .select('key')
            .whereRef('sandboxId', '=', 'sandboxes.id')
            .where(
              sql<boolean>`(lower(key) like ${pattern} escape '\\' or lower(value) like ${pattern} escape '\\')`,
            ),
        ),
      ]),
    );
  }
  return found;
};
