import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createCursors } from '../../src/journal/cursor.ts';
import { createFileJournal } from '../../src/journal/file.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { builtInPlans } from '../../src/limits/plans.ts';
import { createQuotas } from '../../src/limits/quotas.ts';
import type { ProcessEvent } from '../../src/processes/output-events.ts';
import { createProcessService } from '../../src/processes/service.ts';
import type { Store } from '../../src/store/store.ts';
import type { Process } from '../../src/store/types/process.ts';
import { alice, deployment, newStateDir, openService } from '../helpers/sandbox-service.ts';
import { createScriptedVendor } from './scripted-vendor.ts';

type Method = (...args: never[]) => unknown;

/** The same part, whose methods first do as a test says: what it throws is thrown, else the real method is called. */
export const interceptable = <Part extends object>(part: Part) => {
  const before = new Map<string, (...args: unknown[]) => unknown>();
  const wrapped = Object.fromEntries(
    Object.entries(part).map(([name, member]) => [
      name,
      typeof member === 'function'
        ? async (...args: never[]) => {
            const look = before.get(name);
            if (look) await look(...args);
            return (member as Method).apply(part, args);
          }
        : member,
    ]),
  ) as Part;
  return {
    part: wrapped,
    /** Calls `look` before each call of the method. */
    before: (name: keyof Part & string, look: (...args: never[]) => unknown): void => {
      before.set(name, look as (...args: unknown[]) => unknown);
    },
    release: (): void => before.clear(),
  };
};

/** Fails the first calls, as many as it is said. */
export const failing = (
  times: number,
  error: Error,
  when: (...args: never[]) => boolean = () => true,
) => {
  let left = times;
  return (...args: never[]): void => {
    if (left <= 0 || !when(...args)) return;
    left -= 1;
    throw error;
  };
};

/** What gives an iterator cannot be made to wait. */
const iterable = ({ id, read, unended }: Journal) => ({ id, read, unended });

/** Processes on a real store and real journals, in a sandbox of the scripted vendor. */
export const openProcesses = async (reattach: 'replay' | 'none' = 'replay') => {
  const vendor = createScriptedVendor(deployment, reattach);
  const deadlines = { exit: 300, control: 1_000 };
  const open = await openService(await newStateDir(), { vendors: [vendor.provider], deadlines });
  const journalDir = await mkdtemp(join(tmpdir(), 'sandbank-journal-'));
  const log = pino({ level: 'silent' });
  const options = { retainBytes: 2 ** 26, retainMs: 60_000, clock: Date.now, dir: journalDir };
  const fileJournal = await createFileJournal(options);
  const journal = interceptable(fileJournal);
  const rows = interceptable(open.store.processes);
  const store: Store = { ...open.store, processes: rows.part };
  const { lease: real } = open.ownership;
  let away: PromiseWithResolvers<void> | null = null;
  let isAwaited = false;
  const lease = {
    ...real,
    isHeld: () => away === null && real.isHeld(),
    held(signal: AbortSignal) {
      isAwaited = true;
      return away?.promise ?? real.held(signal);
    },
  };
  const processes = createProcessService({
    ...{ store, pool: open.pool, lease, sandboxes: open.service.access },
    journal: { ...journal.part, ...iterable(fileJournal) },
    cursors: createCursors('a secret of these tests'),
    quotas: createQuotas({ plans: builtInPlans, store, serverLimit: null, clock: Date.now }),
    onUsageRecorded: () => undefined,
    execOutputBytes: 1_000_000,
    lookMs: 100,
    clock: Date.now,
    log,
  });
  const { row: sandbox } = await open.service.create(alice, {});
  const events = async (id: string, after: string | null = null): Promise<ProcessEvent[]> =>
    Array.fromAsync(await processes.follow(alice, id, after, new AbortController().signal));
  return {
    ...{ open, vendor, store: open.store, journal, fileJournal, journalDir, rows, processes },
    sandboxId: sandbox.id,
    isLeaseAwaited: () => isAwaited,
    loseLease(): void {
      away = Promise.withResolvers();
    },
    regainLease(): void {
      away?.resolve();
      away = null;
    },
    start: async (key?: string): Promise<Process> =>
      (
        await processes.start(alice, {
          ...{ sandboxId: sandbox.id, purpose: 'start', command: 'work', idempotencyKey: key },
        })
      ).row,
    row: async (id: string): Promise<Process> =>
      (await open.store.processes.find(alice.tenant, id)) as Process,
    /** Until the exit. */
    events,
    /** All that was said, with a mark for each gap and for the end. */
    async told(id: string, after: string | null = null): Promise<string> {
      return (await events(id, after))
        .map((event) =>
          event.kind === 'gap' ? '[gap]' : 'text' in event ? event.text : `[${event.kind}]`,
        )
        .join('');
    },
    async [Symbol.asyncDispose](): Promise<void> {
      journal.release();
      rows.release();
      processes.dispose();
      await open.end();
      await fileJournal.dispose();
      await rm(journalDir, { recursive: true, force: true });
    },
  };
};
