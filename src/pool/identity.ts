import { newId } from '../lib/ids.ts';
import type { Deployment, ServerRow, ServerStore } from '../store/types/server.ts';
import {
  type IdentityFile,
  readIdentity,
  stateDirIdentity,
  writeIdentity,
} from './identity-file.ts';

export type Identity = Pick<ServerRow, 'id' | 'host' | 'epoch' | 'doubt' | 'predecessor'> & {
  /** The label of everything this deployment makes at a vendor. */
  deployment: string;
};

type Found = {
  file: IdentityFile;
  row: ServerRow | null;
  deployment: Deployment;
  stateDir: string;
  host: string;
};

/** Why the state directory and the database do not belong together, in words for an operator; null when they do. */
const mismatch = ({ file, row, deployment, stateDir, host }: Found): string | null => {
  if (file.deployment !== deployment.id) return 'The state directory belongs to another database.';
  if (!row) return `The database does not know the server ${file.id} of this state directory.`;
  if (row.database !== deployment.actual)
    return 'The database is a copy, or was restored: it is not the one this server has used.';
  if (row.epoch !== file.epoch && row.epoch !== file.next)
    return `The database has seen ${row.epoch} starts of the server ${file.id}, its state directory ${file.epoch}: one of them is a copy, or was restored.`;
  if (row.stateDir !== stateDir)
    return `The state directory is a copy of that of the server ${file.id}, or was restored.`;
  if (row.host !== host)
    return `The server ${file.id} has been on another host (or with another SANDBANK_HOST_ID).`;
  return null;
};

/**
 * Says which server this is, and registers its start. The state directory and the database each keep who it is and how often it has started;
 * when they disagree, one of them is a copy whose original may be running. Then it becomes a server of its own, with a doubt that an operator
 * must remove before it acts on anything it has not made itself. The caller holds the lock of the state directory.
 */
export const establishIdentity = async ({
  servers,
  stateDir,
  host,
  leaseMs,
}: {
  servers: ServerStore;
  stateDir: string;
  host: string;
  leaseMs: number;
}): Promise<Identity> => {
  const deployment = await servers.deployment();
  const lockFile = stateDirIdentity(stateDir);
  const file = readIdentity(stateDir);
  const before = file ? await servers.find(file.id) : null;
  // Killed before its first start was in the database: it has nothing to lose yet.
  const isNew = !file || (file.epoch === 0 && !before && file.deployment === deployment.id);

  const start = async (
    id: string,
    epoch: number,
    after: number | null,
    trust: Pick<ServerRow, 'doubt' | 'predecessor'>,
  ): Promise<Identity> => {
    const kept = { id, deployment: deployment.id };
    writeIdentity(stateDir, { ...kept, epoch: after ?? 0, next: epoch });
    const row = { id, host, epoch, stateDir: lockFile, database: deployment.actual, ...trust };
    if (!(await servers.register(row, after, leaseMs)))
      throw new Error(`The server ${id} was registered by another process at the same moment.`);
    writeIdentity(stateDir, { ...kept, epoch, next: epoch });
    return { id, host, epoch, ...trust, deployment: deployment.id };
  };

  if (isNew) {
    const isCopy = deployment.database !== deployment.actual;
    const doubt = isCopy ? 'The database is a copy, or was restored.' : null;
    return start(file?.id ?? newId('srv'), 1, null, { doubt, predecessor: null });
  }
  const doubt = mismatch({ file, row: before, deployment, stateDir: lockFile, host });
  if (doubt === null && before) {
    const { predecessor } = before;
    return start(file.id, before.epoch + 1, before.epoch, { doubt: before.doubt, predecessor });
  }
  return start(newId('srv'), 1, null, { doubt, predecessor: file.id });
};
