import type { Principal } from '../authentication/principal.ts';
import { seesAll } from '../authorization/visibility.ts';
import { whileVisible } from '../authorization/while-visible.ts';
import { AppError } from '../errors.ts';
import type { RunOnce } from '../idempotency/idempotency.ts';
import type { RequireHere } from '../pool/whereabouts.ts';
import type { Store } from '../store/store.ts';
import type { ShareAccess } from '../store/types/share.ts';
import type { Connect, Connected } from './connect.ts';
import type { SandboxReader } from './reader.ts';

/** What other services get: no permission is asked for here, but what a caller may not see is not there either. */
export type SandboxAccess = Pick<SandboxReader, 'find' | 'findMany'> & {
  /** The sandbox with a live handle; `TERMINATED` when it is not ready. */
  open(principal: Principal, id: string, need: ShareAccess): Promise<Connected>;
  /** For who holds a signed URL instead of a token. */
  openFor(tenant: string, id: string): Promise<Connected>;
  /** Events of a sandbox for as long as the caller may see it: a share that is taken back ends them with `NOT_FOUND`. */
  whileVisible<Event>(
    principal: Principal,
    id: string,
    events: AsyncIterable<Event>,
  ): Promise<AsyncIterable<Event>>;
  /** As `RequireHere`, also of one that has ended: what it said is kept where it ran. */
  requireHere(tenant: string, id: string): Promise<void>;
  runOnce: RunOnce;
};

export const createSandboxAccess = ({
  store,
  reader,
  connect,
  requireHere,
  runOnce,
}: {
  store: Store;
  reader: SandboxReader;
  connect: Connect;
  requireHere: RequireHere;
  runOnce: RunOnce;
}): SandboxAccess => ({
  find: reader.find,
  findMany: reader.findMany,
  open: async (principal, id, need) => connect(await reader.find(principal, id, need)),
  async openFor(tenant, id) {
    const sandbox = await store.sandboxes.find(tenant, id);
    if (!sandbox) throw new AppError('NOT_FOUND', 'The sandbox is gone.');
    return connect(sandbox);
  },
  async whileVisible(principal, id, events) {
    if (seesAll(principal)) return events;
    const { createdBy } = await reader.find(principal, id, 'read');
    const isForGood = principal.rights.reach !== 'own' || createdBy === principal.subject;
    return isForGood ? events : whileVisible(events, () => reader.find(principal, id, 'read'));
  },
  async requireHere(tenant, id) {
    const sandbox = await store.sandboxes.find(tenant, id);
    if (sandbox) await requireHere(sandbox);
  },
  runOnce,
});
