import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadState, NO_ENV } from '../../src/providers/local/state.ts';
import { collect, completed, spec } from '../conformance/provider/subject.ts';
import { ask, mutate } from '../helpers/client.ts';
import { type Row, until } from '../helpers/fleet.ts';
import { freePort, type Launched, launch, launchedServer } from '../helpers/launch.ts';
import { openLocalIn } from './open-local.ts';

const statesIn = (stateDir: string) => {
  const folder = join(stateDir, 'local', 'sandboxes');
  try {
    return readdirSync(folder).flatMap((ref) => loadState(join(folder, ref)) ?? []);
  } catch {
    return [];
  }
};
/** Waits without a pause: what is looked for lasts as long as Node takes to start. */
const soon = async (check: () => boolean): Promise<void> => {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
};

describe('a local sandbox that was let go', () => {
  it('can be connected to again by the same provider', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-let-go-'));
    const provider = completed(await openLocalIn(stateDir, 'ours'), 'ours');
    const wanted = spec({ env: { FOO: 'bar' } });
    const before = await provider.create(wanted);
    before.detach();
    const again = await provider.connect(before.ref, wanted);
    const { exit, stdout } = await collect(again, ['sh', '-c', 'echo $FOO']);
    expect([exit.exitCode, String(stdout)]).toEqual([0, 'bar\n']);
    await again.destroy();
    await provider.dispose();
    await rm(stateDir, { recursive: true, force: true });
  });
});

describe('a local sandbox whose create is not finished', () => {
  let stateDir = '';
  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-unfinished-'));
  });
  afterAll(() => rm(stateDir, { recursive: true, force: true }));

  it('cannot be found by its id before it has its variables, its network and its expiration', async () => {
    const provider = completed(await openLocalIn(stateDir, 'ours'), 'ours');
    const wanted = { ...spec(), env: { FOO: 'bar' } };
    const create = provider.create(wanted);
    await soon(() => statesIn(stateDir).some(({ id }) => id !== null));
    const [state] = statesIn(stateDir);
    expect(state).toMatchObject({ id: wanted.id, expiresAt: wanted.expiresAt });
    expect(state?.settings.env).not.toBe(NO_ENV);
    const handle = await create;
    await handle.destroy();
    await provider.dispose();
  });

  it('is gone when its server is killed meanwhile, and its row says that the create failed', async () => {
    const home = await mkdtemp(join(tmpdir(), 'sandbank-killed-'));
    const port = await freePort();
    const server = launchedServer(port);
    const start = (): Promise<Launched> =>
      launch(home, port, 'src/main.ts', { SANDBANK_WARM_SANDBOXES: '0' });
    let running = await start();
    const input = { env: [{ name: 'FOO', value: 'bar' }], networkMode: 'FULL' };
    const create = mutate(server, 'createSandbox', 'sandbox { id }', input).catch(() => null);
    await soon(() => statesIn(home).length > 0);
    await running.kill('SIGKILL');
    await create;
    const [left] = statesIn(home);
    running = await start();
    const rows = async (): Promise<Row[]> => {
      const query = '{ sandboxes(first: 5) { edges { node { id state terminationReason } } } }';
      const { edges } = (await ask(server, query)).sandboxes;
      return edges.map(({ node }: { node: Row }) => node);
    };
    await until(async () => (await rows())[0]?.state !== 'CREATING');
    const nodes = await rows();
    // The kill may have come after the last write: then it is whole.
    if (left?.id) expect(nodes).toMatchObject([{ state: 'READY' }]);
    else {
      expect(nodes).toMatchObject([{ state: 'FAILED', terminationReason: 'CREATE_FAILED' }]);
      await until(() => readdirSync(join(home, 'local', 'sandboxes')).length === 0);
    }
    if (left?.id) {
      const { stdout } = await mutate(server, 'exec', 'stdout', {
        ...{ sandboxId: nodes[0]?.id, command: 'echo $FOO' },
      });
      expect(stdout).toBe('bar\n');
      await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: nodes[0]?.id });
    }
    await running.kill('SIGTERM');
    await rm(home, { recursive: true, force: true });
  });
});
