import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import { never, spec } from '../conformance/provider/subject.ts';
import { dockerEnvironment, openDocker } from './open-docker.ts';

const DEPLOYMENT = 'deployment-of-ends';
const environment = dockerEnvironment();
const engine = new Docker({
  socketPath: environment.SANDBANK_DOCKER_HOST?.replace('unix://', '') ?? '',
});
const sleeper = { argv: ['sleep', '300'], env: {} } as const;

describe('containers that others touch', () => {
  let provider: Provider;
  beforeAll(async () => {
    provider = await openDocker(DEPLOYMENT);
  });
  afterAll(async () => {
    await provider?.dispose();
  });

  it.each([
    ['killed', (ref: string) => engine.getContainer(ref).kill()],
    ['removed', (ref: string) => engine.getContainer(ref).remove({ force: true })],
  ])('have died when somebody else %s them, and their processes are lost', async (_, end) => {
    const handle = await provider.create(spec(), never);
    const process = await handle.spawn({ id: newId('prc'), ...sleeper }, never);
    await end(handle.ref);
    expect(await handle.ended).toMatchObject({ reason: 'died' });
    expect(await process.exit).toMatchObject({ kind: 'LOST', reason: 'SANDBOX_ENDED' });
    await expect(handle.spawn({ id: newId('prc'), ...sleeper }, never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await handle.destroy(never);
    expect(await provider.list(never)).toEqual([]);
  });

  it('have died for a server that did not destroy them', async () => {
    const other = await openDocker(DEPLOYMENT);
    const handle = await provider.create(spec(), never);
    const theirs = await other.connect(handle.ref, never);
    await other.destroy(handle.ref, never);
    expect((await theirs.ended).reason).toBe('destroyed');
    expect((await handle.ended).reason).toBe('died');
    await other.dispose();
  });

  it('belong to the deployment that made them', async () => {
    const other = await openDocker('another-deployment');
    const [mine, theirs] = await Promise.all([
      provider.create(spec(), never),
      other.create(spec(), never),
    ]);
    expect((await provider.list(never)).map(({ ref }) => ref)).toEqual([mine.ref]);
    expect((await other.list(never)).map(({ ref }) => ref)).toEqual([theirs.ref]);
    await expect(provider.connect(theirs.ref, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(provider.destroy(theirs.ref, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await mine.destroy(never);
    expect((await other.list(never)).map(({ state }) => state)).toEqual(['running']);
    await theirs.destroy(never);
    await other.dispose();
  });

  it('are left alone without our label', async () => {
    const foreign = await engine.createContainer({
      Image: environment.SANDBANK_DOCKER_IMAGE ?? '',
      Cmd: ['sleep', '300'],
      HostConfig: {
        NetworkMode: 'none',
        Ulimits: [
          { Name: 'nofile', Soft: 1024, Hard: 20000 },
          { Name: 'nproc', Soft: 4096, Hard: 4096 },
        ],
      },
    });
    await foreign.start();
    const name = (await foreign.inspect()).Name.replace('/', '');
    expect((await provider.list(never)).map(({ ref }) => ref)).not.toContain(foreign.id);
    for (const ref of [foreign.id, foreign.id.slice(0, 12), name, `../images/${name}`]) {
      await expect(provider.destroy(ref, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(provider.connect(ref, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect((await foreign.inspect()).State.Running).toBe(true);
    await foreign.remove({ force: true });
  });
});
