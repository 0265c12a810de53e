import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import { never, spec } from '../conformance/provider/subject.ts';
import { openCuttingRelay } from '../helpers/cutting-relay.ts';
import { dockerEnvironment, openDocker } from './open-docker.ts';

const DEPLOYMENT = 'deployment-of-creates';

describe('a create of a container that fails', () => {
  let dir: string;
  let relay: Awaited<ReturnType<typeof openCuttingRelay>>;
  let provider: Provider;
  /** Another server, whose connections are not cut. */
  let other: Provider;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbank-relay-'));
    const path = join(dir, 'engine.sock');
    const { SANDBANK_DOCKER_HOST = '' } = dockerEnvironment();
    relay = await openCuttingRelay(path, SANDBANK_DOCKER_HOST.replace('unix://', ''));
    provider = await openDocker(DEPLOYMENT, { SANDBANK_DOCKER_HOST: `unix://${path}` });
    other = await openDocker(DEPLOYMENT);
  });
  afterAll(async () => {
    relay?.cut(null);
    await provider?.dispose();
    await other?.dispose();
    relay?.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('leaves no container when it was not asked to start', async () => {
    relay.cut(/^PUT \S+\/archive[ ?]/);
    await expect(provider.create(spec(), never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(relay.hits()).toBeGreaterThan(0);
    relay.cut(null);
    expect(await other.list(never)).toEqual([]);
  });

  it('leaves a container that has started to the server that found it', async () => {
    const asked = spec();
    relay.cut(/^POST \S+\/start[ ?]/, 'at the answer');
    await expect(provider.create(asked, never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    relay.cut(null);
    const listed = await other.list(never);
    expect(listed).toMatchObject([{ id: asked.id, state: 'running' }]);
    const handle = await other.connect(listed[0]?.ref ?? '', never);
    const process = await handle.spawn({ id: newId('prc'), argv: ['true'], env: {} }, never);
    for await (const _ of process.output);
    expect(await process.exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
    await handle.destroy(never);
  });
});
