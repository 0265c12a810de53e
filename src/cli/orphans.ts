import type { Config } from '../config/read.ts';
import { AppError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { withStore } from './with-store.ts';

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

const list = async (store: Store): Promise<number> => {
  const orphans = await store.orphans.list();
  for (const { provider, ref, id, foundAt, removeAt } of orphans)
    say(
      `${provider}  ${ref}  ${id}  found ${new Date(foundAt).toISOString()}${removeAt === null ? '' : '  to be removed'}`,
    );
  say(`${orphans.length} sandbox(es) bear the label of this deployment and are in no row.`);
  return 0;
};

const remove = async (store: Store, ref: string | undefined): Promise<number> => {
  if (!ref)
    throw new AppError(
      'INVALID_ARGUMENT',
      'Name what to remove: --ref with refs of "sandbank orphans list", separated by commas, or --ref all.',
    );
  const refs = ref === 'all' ? null : ref.split(',').filter(Boolean);
  const count = await store.orphans.remove(refs, Date.now());
  say(`${count} sandbox(es) will be removed by the servers that have found them, within minutes.`);
  return count > 0 || refs === null ? 0 : 1;
};

/** Sandboxes at a provider that bear this deployment's label and that no row tells of: never removed without an operator. */
export const orphans = async (
  config: Config,
  { verb, ref }: { verb?: string | undefined; ref?: string | undefined },
): Promise<number> => {
  if (verb !== 'list' && verb !== 'remove')
    throw new AppError(
      'INVALID_ARGUMENT',
      'Try sandbank orphans list, or sandbank orphans remove.',
    );
  return withStore(config, (store) => (verb === 'list' ? list(store) : remove(store, ref)));
};
