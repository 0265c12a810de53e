import { openAuthentication } from '../authentication/open.ts';
import type { Config } from '../config/read.ts';
import { createSealer } from '../lib/sealed.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';

/** A command's look at the database, beside a server that runs or not. */
export const withStore = async <Result>(
  config: Config,
  work: (store: Store) => Promise<Result>,
): Promise<Result> => {
  const { derive } = await openAuthentication(config);
  const store = await openStore({ ...config, sealer: createSealer(derive('seal')) });
  try {
    return await work(store);
  } finally {
    await store.dispose();
  }
};
