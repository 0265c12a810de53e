import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ask, mutate, newSandbox } from '../helpers/client.ts';
import { freePort, launch, launchedServer } from '../helpers/launch.ts';

const run = promisify(execFile);
const KILLS = 3;

describe('usage of a server that is killed', () => {
  let running: Awaited<ReturnType<typeof launch>> | null = null;
  afterAll(() => running?.kill('SIGTERM'));

  it(`is exact after ${KILLS} kills: nothing is lost, nothing counts twice, and the audit log is whole`, async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-usage-'));
    const port = await freePort();
    const server = launchedServer(port);
    const start = () => launch(stateDir, port, undefined, { SANDBANK_USAGE_SECONDS: '1' });
    running = await start();
    const sandboxId = await newSandbox(server);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const going = Array.from({ length: 40 }, () =>
        mutate(server, 'exec', 'exitCode', { sandboxId, command: 'true' }).catch(() => null),
      );
      // In the midst of them, and of a slice.
      await sleep(150 + kill * 400);
      await running.kill('SIGKILL');
      await Promise.all(going);
      await sleep(300);
      running = await start();
    }
    await sleep(1_300);
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const { usage, sandbox } = await ask(
      server,
      'query ($id: ID!, $from: DateTime!) { usage(from: $from) { metric amount } sandbox(id: $id) { readyAt endedAt processes(first: 100) { edges { node { id } } pageInfo { hasNextPage endCursor } } } }',
      { id: sandboxId, from },
    );
    const amount = (metric: string): number =>
      usage.find((row) => row.metric === metric)?.amount ?? 0;
    const more = await ask(
      server,
      'query ($id: ID!, $after: String) { sandbox(id: $id) { processes(first: 100, after: $after) { edges { node { id } } } } }',
      { id: sandboxId, after: sandbox.processes.pageInfo.endCursor },
    );
    const processes = sandbox.processes.edges.length + more.sandbox.processes.edges.length;
    expect(processes).toBeGreaterThan(KILLS);
    expect(amount('EXECUTIONS')).toBe(processes);
    // Every instant between ready and the end's measurement is recorded once, those without a server too.
    const life = (Date.parse(sandbox.endedAt) - Date.parse(sandbox.readyAt)) / 1_000;
    expect(amount('SANDBOX_SECONDS')).toBeLessThanOrEqual(life);
    // What is not recorded is the removal itself, however long that takes here.
    expect(amount('SANDBOX_SECONDS')).toBeGreaterThan(life - 5);
    const { stdout } = await run(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', 'src/main.ts', 'audit', 'verify'],
      { env: { ...process.env, SANDBANK_STATE_DIR: stateDir } },
    );
    expect(stdout).toMatch(/✓ tenant acme: \d+ rows, [0-9a-f]{64}\nThe audit log is whole\.\n$/);
  }, 60_000);
});

describe('quotas of a server that is killed', () => {
  it('count what lives, and nothing else: creates that were cut off leave no hole and no place taken', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-quota-'));
    const port = await freePort();
    const server = launchedServer(port);
    const start = () => launch(stateDir, port, undefined, { SANDBANK_MAX_SANDBOXES: '4' });
    let running = await start();
    const create = () =>
      mutate(server, 'createSandbox', 'sandbox { id }', {}).catch(() => ({ code: 'CUT_OFF' }));
    const cut = Array.from({ length: 8 }, create);
    // While providers are making them.
    await sleep(60);
    await running.kill('SIGKILL');
    await Promise.all(cut);
    running = await start();
    const filter = { states: ['CREATING', 'READY', 'DESTROYING'] };
    const count = async (states: string[]): Promise<number> =>
      (
        await ask(
          server,
          'query ($filter: SandboxFilter) { sandboxes(first: 1, filter: $filter) { totalCount } }',
          { filter: { states } },
        )
      ).sandboxes.totalCount;
    const alive = (): Promise<number> => count(filter.states);
    // The server takes up what was cut off after it listens.
    await expect.poll(() => count(['CREATING', 'DESTROYING']), { timeout: 20_000 }).toBe(0);
    const left = await alive();
    expect(left).toBeLessThanOrEqual(4);
    const next = await Promise.all(Array.from({ length: 8 }, create));
    expect(next.filter((one) => 'sandbox' in one).length).toBe(4 - left);
    expect(await alive()).toBe(4);
    await mutate(server, 'destroySandboxes', 'sandboxes { id }', { filter });
    const again = await Promise.all(Array.from({ length: 5 }, create));
    expect(again.filter((one) => 'sandbox' in one).length).toBe(4);
    await mutate(server, 'destroySandboxes', 'sandboxes { id }', { filter });
    await running.kill('SIGTERM');
  }, 60_000);
});
