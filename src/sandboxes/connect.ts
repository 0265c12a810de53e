import { AppError } from '../errors.ts';
import type { Pool } from '../pool/pool.ts';
import type { RequireHere } from '../pool/whereabouts.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Sandbox } from '../store/types/sandbox.ts';

export type Connected = { sandbox: Sandbox; handle: SandboxHandle };
export type Connect = (sandbox: Sandbox) => Promise<Connected>;

export const notReady = ({ id, state, terminationMessage }: Sandbox): AppError =>
  new AppError(
    'TERMINATED',
    state === 'CREATING' || state === 'QUEUED'
      ? `The sandbox ${id} is not ready yet (${state}). Wait for its SandboxReady event.`
      : `The sandbox ${id} has ended. ${terminationMessage ?? ''}`.trim(),
    { retryable: state === 'CREATING' || state === 'QUEUED' },
  );

/** The sandbox with a live handle; `TERMINATED` when it is not ready. */
export const createConnect =
  (pool: Pool, requireHere: RequireHere): Connect =>
  async (sandbox) => {
    if (sandbox.state !== 'READY') throw notReady(sandbox);
    await requireHere(sandbox);
    return { sandbox, handle: await pool.handle(sandbox) };
  };
