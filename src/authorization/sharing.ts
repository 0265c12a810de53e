import type { Principal } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import type { SandboxReader } from '../sandboxes/reader.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Share, ShareAccess, ShareStore } from '../store/types/share.ts';

export type Sharing = {
  /** Lets another subject of the tenant see the sandbox, or use it. */
  share(principal: Principal, id: string, subject: string, access: ShareAccess): Promise<Sandbox>;
  unshare(principal: Principal, id: string, subject: string): Promise<Sandbox>;
  shares(principal: Principal, id: string): Promise<Share[]>;
};

const MAX_SHARES = 100;

export const createSharing = (
  store: ShareStore,
  reader: SandboxReader,
  clock: () => number,
): Sharing => {
  /** Whom it is shared with is for those who decide over it: not for those it is shared with. */
  const owned = async (principal: Principal, id: string): Promise<Sandbox> => {
    const row = await reader.find(principal, id, 'write');
    if (principal.rights.reach === 'own' && row.createdBy !== principal.subject)
      throw new AppError(
        'FORBIDDEN',
        `The sandbox ${id} belongs to ${row.createdBy}, who alone can share it.`,
      );
    return row;
  };
  return {
    async share(principal, id, subject, access) {
      const row = await owned(principal, id);
      if (subject.length === 0 || subject.length > 255)
        throw new AppError('INVALID_ARGUMENT', 'subject: 1 to 255 characters.');
      const others = await store.of(row.tenant, id);
      if (others.length >= MAX_SHARES && !others.some((one) => one.subject === subject))
        throw new AppError(
          'LIMIT_EXCEEDED',
          `A sandbox is shared with at most ${MAX_SHARES} subjects.`,
          { details: { limit: 'shares', maximum: MAX_SHARES } },
        );
      await store.put({
        tenant: row.tenant,
        sandboxId: id,
        subject,
        access,
        createdBy: principal.subject,
        createdAt: clock(),
      });
      return row;
    },
    async unshare(principal, id, subject) {
      const row = await owned(principal, id);
      await store.remove(row.tenant, id, subject);
      return row;
    },
    async shares(principal, id) {
      const row = await owned(principal, id);
      return store.of(row.tenant, id);
    },
  };
};
