import type { Config } from '../config/read.ts';
import { AppError } from '../errors.ts';
import { readIdentity } from '../pool/identity-file.ts';
import type { Store } from '../store/store.ts';
import { withStore } from './with-store.ts';

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

const list = async (store: Store, own: string | undefined): Promise<number> => {
  for (const { id, isAlive, silentMs, host, address, epoch, doubt } of await store.servers.list()) {
    const silence = `silent for ${Math.round(silentMs / 1_000)} s`;
    const state = !isAlive ? silence : address === null ? 'starts or has stopped' : 'alive';
    say(`${id}  ${state}  ${address ?? 'no address'}  host ${host}  start ${epoch}`);
    if (id === own) say('    → the server of this state directory');
    if (doubt !== null) say(`    ! may be a copy: ${doubt}`);
  }
  return 0;
};

const confirm = async (store: Store, own: string | undefined): Promise<number> => {
  const server = own === undefined ? null : await store.servers.find(own);
  if (!server)
    throw new AppError(
      'INVALID_ARGUMENT',
      'The server of this state directory has never run on this database. Start it first: it says whether there is anything to confirm.',
    );
  if (server.doubt === null) {
    say(`The server ${server.id} is in no doubt: there is nothing to confirm.`);
    return 0;
  }
  await store.servers.confirm(server.id);
  say(`The server ${server.id} is confirmed: it takes over sandboxes whose servers are dead,`);
  say('also those of the server that its state directory came from, within a minute.');
  return 0;
};

/** `confirm` says that the original of a copied or restored state directory or database is gone for good. */
export const server = async (
  config: Config,
  { verb }: { verb?: string | undefined },
): Promise<number> => {
  if (verb !== 'list' && verb !== 'confirm')
    throw new AppError('INVALID_ARGUMENT', 'Try sandbank server list, or sandbank server confirm.');
  const own = readIdentity(config.stateDir)?.id;
  return withStore(config, (store) => (verb === 'list' ? list(store, own) : confirm(store, own)));
};

/** Why the server of this state directory acts on nothing but its own; null when it acts on everything, or has never run. */
export const doubtOf = async (config: Config): Promise<string | null> => {
  const own = readIdentity(config.stateDir)?.id;
  if (own === undefined) return null;
  return withStore(config, async (store) => (await store.servers.find(own))?.doubt ?? null);
};
