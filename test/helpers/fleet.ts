import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort, type Launched, launch, launchedServer } from './launch.ts';
import { createDatabase } from './postgres.ts';
import type { TestServer } from './server.ts';

/** Long enough that a busy machine does not let the lease of a living server end. */
export const LEASE_SECONDS = 4;
export const LEASE_MS = LEASE_SECONDS * 1_000;

const VENDOR_PROGRAM = 'test/helpers/programs/shared-vendor-server.ts';

export type Member = TestServer & {
  stateDir: string;
  /** Settings it was started with, for a command of an operator. */
  env: Record<string, string>;
  pid(): number;
  log(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  ended(): Promise<void>;
  /** `work`, or a failure with all that it has written should the server end before. */
  alive<Result>(work: Promise<Result>): Promise<Result>;
  /** Ends it with a signal and waits for that. */
  kill(name: NodeJS.Signals): Promise<void>;
  /** The same server once more, after it has ended. */
  restart(): Promise<void>;
};

export type Fleet = {
  /** A server of its own, with a state directory and the fleet's database unless it is given others. */
  member(options?: {
    stateDir?: string;
    database?: string;
    env?: Record<string, string>;
  }): Promise<Member>;
  newFolder(): Promise<string>;
  /** Ends all and removes their folders. */
  end(): Promise<void>;
};

/** Real servers side by side, on one database. With `vendor` all of them reach the sandboxes in that folder; without, each has local ones. */
export const openFleet = (settings: { database?: string; vendor?: string } = {}): Fleet => {
  const running = new Set<Launched>();
  const folders: string[] = [];
  const newFolder = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'sandbank-fleet-'));
    folders.push(folder);
    return folder;
  };
  return {
    newFolder,
    async member({ stateDir: given, database = settings.database, env: more = {} } = {}) {
      const stateDir = given ?? (await newFolder());
      const port = await freePort();
      const env = {
        SANDBANK_STATE_DIR: stateDir,
        SANDBANK_LEASE_SECONDS: `${LEASE_SECONDS}`,
        SANDBANK_LOG_LEVEL: 'info',
        SANDBANK_SHUTDOWN_SECONDS: '1',
        SANDBANK_WARM_SANDBOXES: '0',
        SANDBANK_USAGE_SECONDS: '1',
        ...(database ? { SANDBANK_DATABASE_URL: database } : {}),
        ...(settings.vendor ? { SANDBANK_TEST_VENDOR: settings.vendor } : {}),
        ...more,
      };
      const program = settings.vendor ? VENDOR_PROGRAM : 'src/main.ts';
      const start = async (): Promise<Launched> => {
        const one = await launch(stateDir, port, program, env);
        running.add(one);
        void one.ended.then(() => running.delete(one));
        return one;
      };
      let launched = await start();
      return {
        ...launchedServer(port),
        ...{ stateDir, env },
        pid: () => launched.pid,
        log: () => launched.log(),
        signal: (name) => void process.kill(launched.pid, name),
        ended: async () => void (await launched.ended),
        alive: (work) => {
          const died = launched.ended.then(({ code, stderr }) => {
            throw new Error(`The server ended (${code}): ${stderr}`);
          });
          return Promise.race([work, died]);
        },
        kill: (name) => launched.kill(name),
        async restart() {
          launched = await start();
        },
      };
    },
    async end() {
      await Promise.all([...running].map((one) => one.kill('SIGKILL')));
      await Promise.all(
        folders.map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 5 })),
      );
    },
  };
};

/** Waits until something is so; the test's own time limit says when it never will be. */
export const until = async (check: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await check())) await sleep(100);
};

/** Each test of a file with a database and servers of its own, so that they can run side by side. */
export const withFleet = async <Result>(
  postgres: string,
  settings: { vendor?: boolean },
  work: (fleet: Fleet, database: string, vendor: string) => Promise<Result>,
): Promise<Result> => {
  const { url, drop } = await createDatabase(postgres);
  const vendor = settings.vendor ? await mkdtemp(join(tmpdir(), 'sandbank-vendor-')) : '';
  const fleet = openFleet({ database: url, ...(vendor ? { vendor } : {}) });
  try {
    return await work(fleet, url, vendor);
  } finally {
    await fleet.end();
    await drop();
    if (vendor) await rm(vendor, { recursive: true, force: true });
  }
};

/** A row as PostgreSQL gives it. */
// biome-ignore lint/suspicious/noExplicitAny: columns are the test's own question.
export type Row = any;

/** Rows as they are in the database, whichever server wrote them. */
export const rowsOf = async <Row>(
  database: string,
  query: string,
  values: unknown[] = [],
): Promise<Row[]> => {
  const client = new Client({ connectionString: database });
  await client.connect();
  try {
    return (await client.query(query, values)).rows as Row[];
  } finally {
    await client.end();
  }
};

export const sandboxOf = async (database: string, id: string): Promise<Row> =>
  (await rowsOf<Row>(database, 'select * from sandboxes where id = $1', [id]))[0];
