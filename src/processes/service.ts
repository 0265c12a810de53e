import type { Logger } from 'pino';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal } from '../journal/journal.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { Lease } from '../pool/lease.ts';
import type { Pool } from '../pool/pool.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Store } from '../store/store.ts';
import type { OnUsageRecorded } from '../usage/meter.ts';
import { createCaretaker } from './caretaker.ts';
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
  /** How often it looks for processes that nobody records, in milliseconds. Default 10 seconds. */
  lookMs?: number;
  clock: () => number;
  log: Logger;
};

const LOOK_MS = 10_000;

export type ProcessControl = ProcessService & Pick<Pumps, 'takeUp' | 'letGo' | 'dispose'>;

export const createProcessService = (options: ProcessServiceOptions): ProcessControl => {
  const { store, lease, journal, sandboxes, log } = options;
  const pumps = createPumps(options);
  const output = createOutputReader({ ...options, isRecorded: pumps.isRecorded });
  const launch = createLauncher({ ...options, pumps });
  const finder = createProcessFinder({ store, sandboxes, pumps });
  const { execOutputBytes, lookMs = LOOK_MS } = options;
  const caretaker = createCaretaker({ store, journal, pumps, lease, lookMs, log });
  return {
    ...createReading({ store, sandboxes, output, finder }),
    ...createRunning({ sandboxes, launch, finder, execOutputBytes }),
    ...createControls({ store, lease, sandboxes, pumps, finder }),
    takeUp: caretaker.takeUp,
    letGo: pumps.letGo,
    dispose() {
      caretaker.dispose();
      pumps.dispose();
    },
  };
};
