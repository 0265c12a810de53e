import type { Logger } from 'pino';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal } from '../journal/journal.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { Lease } from '../pool/lease.ts';
import type { Pool } from '../pool/pool.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Store } from '../store/store.ts';
import type { OnUsageRecorded } from '../usage/meter.ts';
import { createControls } from './controls.ts';
import { createProcessFinder } from './find.ts';
import { createLauncher } from './launch.ts';
import type { ProcessService } from './operations.ts';
import { createOutputReader } from './output.ts';
import { createPumps, type Pumps } from './pumps.ts';
import { createReading } from './reading.ts';
import { createRunning } from './running.ts';

export type ProcessServiceOptions = {
  store: Store;
  journal: Journal;
  cursors: Cursors;
  pool: Pool;
  lease: Lease;
  sandboxes: SandboxAccess;
  quotas: Quotas;
  /** Told of each execution that was booked. */
  onUsageRecorded: OnUsageRecorded;
  /** Most that exec returns of each stream, in bytes. */
  execOutputBytes: number;
  clock: () => number;
  log: Logger;
};

export type ProcessControl = ProcessService & Pick<Pumps, 'takeUp' | 'letGo' | 'dispose'>;

export const createProcessService = (options: ProcessServiceOptions): ProcessControl => {
  const { store, sandboxes } = options;
  const pumps = createPumps(options);
  const output = createOutputReader(options);
  const launch = createLauncher({ ...options, pumps });
  const finder = createProcessFinder({ store, sandboxes, pumps });
  const { execOutputBytes } = options;
  return {
    ...createReading({ store, sandboxes, output, finder }),
    ...createRunning({ store, sandboxes, launch, finder, execOutputBytes }),
    ...createControls({ store, sandboxes, pumps, finder }),
    takeUp: pumps.takeUp,
    letGo: pumps.letGo,
    dispose: pumps.dispose,
  };
};
