import { AppError } from '../errors.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { ServerStore } from '../store/types/server.ts';
import type { Lease } from './lease.ts';

/**
 * Resolves when this server looks after the sandbox. `WRONG_SERVER` with the address of the one that does; `UNAVAILABLE` when none does at
 * the moment.
 */
export type RequireHere = (
  sandbox: Pick<Sandbox, 'id' | 'owner' | 'endedAt' | 'provider'>,
) => Promise<void>;

const away = (id: string, why: string): AppError =>
  new AppError('UNAVAILABLE', `The sandbox ${id} cannot be reached at the moment. ${why}`, {
    retryAfterMs: 5_000,
  });

export const createRequireHere =
  (servers: ServerStore, lease: Lease): RequireHere =>
  async ({ id, owner, endedAt, provider }) => {
    if (owner === lease.fence.owner) return;
    // What ended before sandboxes had owners ended here.
    if (owner === null && endedAt !== null) return;
    if (owner === null)
      throw away(
        id,
        `No server that has its provider "${provider}" in SANDBANK_PROVIDERS has taken it up yet.`,
      );
    const server = (await servers.list()).find((one) => one.id === owner);
    const address = server?.isAlive ? server.address : null;
    if (address === null)
      throw away(
        id,
        `The server that looks after it (${owner}) is not running. Another one that can reach the sandbox takes it over soon; a local sandbox waits for its own server.`,
      );
    throw new AppError(
      'WRONG_SERVER',
      `Another server looks after the sandbox ${id}. Send the request to ${address}.`,
      { details: { server: owner, address } },
    );
  };
