import type { Principal } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Share, ShareAccess, ShareStore } from '../store/types/share.ts';

/** What callers get; who may call what is in rules.ts. */
export type SharingService = {
  /** Lets another subject of the tenant see the sandbox, or use it. */
  share(principal: Principal, id: string, subject: string, access: ShareAccess): Promise<Sandbox>;
  unshare(principal: Principal, id: string, subject: string): Promise<Sandbox>;
  shares(principal: Principal, id: string): Promise<Share[]>;
};

const MAX_SHARES = 100;
const MAX_SUBJECT_LENGTH = 255;

export const createSharingService = ({
  store,
  sandboxes,
  clock,
}: {
  store: ShareStore;
  sandboxes: Pick<SandboxAccess, 'find'>;
  clock: () => number;
}): SharingService => {
  /** Who manages the shares of a sandbox: its owner, and roles that reach the tenant; not the subjects it is shared with. */
  const findOwned = async (principal: Principal, id: string): Promise<Sandbox> => {
    const sandbox = await sandboxes.find(principal, id, 'write');
    if (principal.rights.reach === 'own' && sandbox.createdBy !== principal.subject)
      throw new AppError(
        'FORBIDDEN',
        `The sandbox ${id} belongs to ${sandbox.createdBy}. Only its owner can see and change its shares.`,
      );
    return sandbox;
  };
  return {
    async share(principal, id, subject, access) {
      const sandbox = await findOwned(principal, id);
      if (subject.length === 0 || subject.length > MAX_SUBJECT_LENGTH)
        throw new AppError(
          'INVALID_ARGUMENT',
          `subject: it has ${subject.length} characters, but must have 1 to ${MAX_SUBJECT_LENGTH}.`,
        );
      const shares = await store.of(sandbox.tenant, id);
      if (shares.length >= MAX_SHARES && !shares.some((share) => share.subject === subject))
        throw new AppError(
          'LIMIT_EXCEEDED',
          `The sandbox ${id} is already shared with ${MAX_SHARES} subjects, which is the maximum. Remove a share first.`,
          { details: { limit: 'shares', maximum: MAX_SHARES } },
        );
      await store.put({
        tenant: sandbox.tenant,
        sandboxId: id,
        subject,
        access,
        createdBy: principal.subject,
        createdAt: clock(),
      });
      return sandbox;
    },
    async unshare(principal, id, subject) {
      const sandbox = await findOwned(principal, id);
      await store.remove(sandbox.tenant, id, subject);
      return sandbox;
    },
    async shares(principal, id) {
      const sandbox = await findOwned(principal, id);
      return store.of(sandbox.tenant, id);
    },
  };
};
