import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import { never, spec } from '../conformance/provider/subject.ts';
import { openCuttingRelay } from '../helpers/cutting-relay.ts';
import { dockerEnvironment, openDocker } from './open-docker.ts';

describe('SIGKILL for one process of a container', () => {
  let dir: string;
  let relay: Awaited<ReturnType<typeof openCuttingRelay>>;
  let provider: Provider;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbank-relay-'));
    const path = join(dir, 'engine.sock');
    const { SANDBANK_DOCKER_HOST = '' } = dockerEnvironment();
    relay = await openCuttingRelay(path, SANDBANK_DOCKER_HOST.replace('unix://', ''));
    provider = await openDocker('kills', { SANDBANK_DOCKER_HOST: `unix://${path}` });
  });
  afterAll(async () => {
    relay?.cut(null);
    await provider?.dispose();
    relay?.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('fails and ends no other when the engine does not start the killer', async () => {
    const handle = await provider.create(spec(), never);
    const start = (argv: readonly [string, ...string[]]) =>
      handle.spawn({ id: newId('prc'), argv, env: {} }, never);
    const bystander = await start(['bash', '-c', 'read line; echo "got $line"; exit 7']);
    const doomed = await start(['sleep', '300']);
    relay.cut(/^POST \S+\/exec[ ?]/);
    await expect(doomed.signal?.('SIGKILL')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(relay.hits()).toBeGreaterThan(0);
    relay.cut(null);
    await bystander.stdin?.write(Buffer.from('word\n'));
    let text = '';
    for await (const chunk of bystander.output)
      if (chunk.kind === 'output') text += String(Buffer.from(chunk.bytes));
    expect(text).toBe('got word\n');
    expect(await bystander.exit).toMatchObject({ kind: 'EXITED', exitCode: 7 });
    await doomed.signal?.('SIGKILL');
    expect(await doomed.exit).toMatchObject({ kind: 'SIGNALED', signal: 'SIGKILL' });
    await handle.destroy(never);
  });

  it('and its handle are forgotten when the handle lets go, and another handle follows', async () => {
    const handle = await provider.create(spec(), never);
    const process = await handle.spawn(
      { id: newId('prc'), argv: ['sleep', '300'], env: {} },
      never,
    );
    const starting = handle.spawn(
      { id: newId('prc'), argv: ['bash', '-c', 'sleep 3; exit 3'], env: {} },
      never,
    );
    handle.detach?.();
    expect(await process.exit).toMatchObject({ kind: 'LOST', reason: null });
    // One whose start is under way when the handle lets go is not watched by it either.
    expect(await (await starting).exit).toMatchObject({ kind: 'LOST', reason: null });
    const again = await provider.connect(handle.ref, never);
    const alive = await again.spawn(
      { id: newId('prc'), argv: ['pgrep', '-fx', 'sleep 300'], env: {} },
      never,
    );
    for await (const _ of alive.output);
    expect((await alive.exit).exitCode).toBe(0);
    // By the handle that is attached, and not by the one that was let go of.
    await provider.destroy(handle.ref, never);
    expect(await again.ended).toMatchObject({ reason: 'destroyed' });
  });
});
