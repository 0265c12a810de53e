import { AppError } from '../errors.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Bound, Excess } from '../store/types/quota.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { createAttempts } from './attempts.ts';
import { finishSurely } from './end.ts';
import { becomeReady, type ReadyOptions } from './ready.ts';

export type CreationOptions = ReadyOptions & { attempts: ReturnType<typeof createAttempts> };

export type Creation = {
  /**
   * The row is written before the provider is asked: what a crash leaves behind is found by its id, and holds its place among the tenant's
   * meanwhile. `written` runs in between. A bound that does not hold is returned, and nothing was written.
   */
  create(
    row: Sandbox,
    bounds: readonly Bound[],
    written: () => Promise<void>,
  ): Promise<Sandbox | Excess>;
  /** Makes one whose row is written as CREATING. */
  begin(row: Sandbox): Promise<Sandbox>;
  /** The create of a sandbox that is under way; undefined when none is. */
  underWay(id: string): Promise<unknown> | undefined;
};

/** Makes the sandbox of a CREATING row, or removes what was made of it and fails the row. */
const build = async (
  options: CreationOptions,
  row: Sandbox,
  written: () => Promise<void>,
): Promise<Sandbox> => {
  const { attempts, meter, log } = options;
  let handle: SandboxHandle | null = null;
  try {
    await written();
    const made = await attempts(row);
    handle = made.handle;
    return await becomeReady(options, made.row, handle);
  } catch (error) {
    await handle
      ?.destroy()
      .catch((failure: unknown) =>
        log.error({ err: failure, sandbox: row.id }, 'a half-made sandbox could not be removed'),
      );
    // A row that somebody destroys ends by their reason, not by this one.
    const message = error instanceof AppError ? error.message : 'The provider failed.';
    await finishSurely(options, row, { state: 'FAILED', reason: 'CREATE_FAILED', message });
    meter.forget(row.id);
    throw error;
  }
};

export const createCreation = (options: CreationOptions): Creation => {
  const { sandboxes } = options.store;
  const creating = new Map<string, Promise<unknown>>();

  /** Known before the row can be seen: who destroys it waits for the create. */
  const known = async <Made>({ id }: Sandbox, work: Promise<Made>): Promise<Made> => {
    creating.set(id, work);
    try {
      return await work;
    } finally {
      creating.delete(id);
    }
  };

  return {
    create(row, bounds, written) {
      const event = { kind: 'sandbox-created', at: row.createdAt } as const;
      const insertAndBuild = async (): Promise<Sandbox | Excess> =>
        (await sandboxes.insert(row, { bounds, event })) ?? build(options, row, written);
      return known(row, insertAndBuild());
    },
    begin: (row) =>
      known(
        row,
        build(options, row, async () => undefined),
      ),
    underWay: (id) => creating.get(id),
  };
};
