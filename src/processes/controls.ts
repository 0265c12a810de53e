import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Store } from '../store/store.ts';
import type { ProcessFinder } from './find.ts';
import type { ProcessService } from './operations.ts';
import type { Pumps } from './pumps.ts';
import { notTakenUp, waitForExit } from './wait-for-exit.ts';

type Controls = Pick<
  ProcessService,
  'write' | 'closeStdin' | 'signal' | 'resize' | 'wait' | 'hangUp'
>;

/** How long a terminal has to end by itself after a hang-up, in milliseconds. */
const HANG_UP_MS = 500;

/** What is done to a process that runs. */
export const createControls = ({
  store,
  sandboxes,
  pumps,
  finder: { find, live },
}: {
  store: Store;
  sandboxes: SandboxAccess;
  pumps: Pumps;
  finder: ProcessFinder;
}): Controls => ({
  async write(principal, id, bytes) {
    const { row, process } = await live(principal, id);
    await process.write(bytes);
    return row;
  },
  async closeStdin(principal, id) {
    const { row, process } = await live(principal, id);
    await process.closeStdin();
    return row;
  },
  async signal(principal, id, name) {
    const { row, process } = await live(principal, id);
    await process.signal(name);
    return row;
  },
  async resize(principal, id, { cols, rows }) {
    const { row, process } = await live(principal, id);
    await process.resize({ cols, rows });
    await store.processes.update(row.tenant, id, { cols, rows });
    return { ...row, cols, rows };
  },
  wait: (principal, id, timeoutMs, signal) =>
    waitForExit(() => find(principal, id, 'read'), pumps, timeoutMs, signal),
  async hangUp(principal, id) {
    const row = await find(principal, id, 'write');
    const process = pumps.live(id);
    const done = pumps.finished(id);
    if (!process || !done) {
      if (row.endedAt !== null) return row;
      await sandboxes.requireHere(row.tenant, row.sandboxId);
      throw notTakenUp(id);
    }
    await process.signal('SIGHUP').catch(() => undefined);
    const timer = setTimeout(() => process.signal('SIGKILL').catch(() => undefined), HANG_UP_MS);
    return done.finally(() => clearTimeout(timer));
  },
});
