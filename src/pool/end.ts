import type { Logger } from 'pino';
import type { Retries } from '../lib/retries.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox, SandboxState, TerminationReason } from '../store/types/sandbox.ts';
import type { SandboxChange } from '../store/types/sandbox-store.ts';
import type { Meter } from '../usage/meter.ts';
import type { Lease } from './lease.ts';

export type End = { state: 'TERMINATED' | 'FAILED'; reason: TerminationReason; message: string };

/** What it takes to write the end of a sandbox. */
export type EndOptions = {
  store: Store;
  lease: Lease;
  meter: Meter;
  /** One has ended: there may be room for another. */
  onSlotFreed: () => void;
  retries: Retries;
  clock: () => number;
  log: Logger;
};

const HOST_GONE: End = {
  state: 'TERMINATED',
  reason: 'LOST',
  message:
    'The sandbox was bound to a host on which no server has run for too long. Its host is given up.',
};

/** The end and its event. Null when the row was in no state of `from`, or is another server's. */
export const writeEnd = async (
  { store, lease, onSlotFreed, clock }: EndOptions,
  { tenant, id }: Pick<Sandbox, 'id' | 'tenant'>,
  from: readonly SandboxState[],
  { state, reason, message }: End,
  conditions: Pick<SandboxChange, 'slice' | 'expect' | 'fence' | 'losesProcessesAt'> = {
    fence: lease.fence,
  },
): Promise<Sandbox | null> => {
  const now = clock();
  const patch = { state, terminationReason: reason, terminationMessage: message, endedAt: now };
  const kind = state === 'FAILED' ? 'sandbox-failed' : 'sandbox-destroyed';
  const event = { kind, at: now } as const;
  const ended = await store.sandboxes.update(tenant, id, patch, { from, event, ...conditions });
  if (ended) onSlotFreed();
  return ended;
};

/** The end, its event and what was not booked yet are written as one. */
export const finish = (
  options: EndOptions,
  row: Sandbox,
  from: readonly SandboxState[],
  end: End,
): Promise<Sandbox | null> =>
  options.meter.end(row, { measure: false }, (last) => {
    // One that waits is nobody's.
    const fence = row.state === 'QUEUED' ? {} : { fence: options.lease.fence };
    return writeEnd(options, row, from, end, { ...last, ...fence });
  });

/** Tried again until the store takes it: the sandbox is gone, and its row says that it lives. */
export const finishSurely = async (options: EndOptions, row: Sandbox, end: End): Promise<void> => {
  const write = () => finish(options, row, ['CREATING', 'READY'], end);
  await write().catch((error: unknown) => {
    options.log.error(
      { err: error, sandbox: row.id },
      'the end of a sandbox could not be recorded',
    );
    options.retries.add(row.id, async () => void (await write()), 'end');
  });
};

/** Its host is gone for good: its end is written, with that of its processes, unless its owner has come back. */
export const giveUp = async (options: EndOptions, row: Sandbox): Promise<void> => {
  const { owner, ownerEpoch } = row;
  await options.meter.end(row, { measure: false }, ({ slice, expect }) =>
    writeEnd(options, row, ['CREATING', 'READY', 'DESTROYING'], HOST_GONE, {
      ...(slice ? { slice } : {}),
      expect: { ...expect, owner, ownerEpoch },
      losesProcessesAt: options.clock(),
    }),
  );
};
