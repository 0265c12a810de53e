import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import { never, spec } from '../conformance/provider/subject.ts';
import { type DockerService, startDocker } from '../services/docker.ts';
import { openDocker } from './open-docker.ts';

const soon = (): AbortSignal => AbortSignal.timeout(500);
const unavailable = { code: 'UNAVAILABLE' };

/** The processes below `root` that are podman's service. */
const servicesOf = (root: number): number[] => {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended.
    }
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === root || isBelow(parent));
  };
  return [...parents.keys()].filter((pid) => {
    const file = `/proc/${pid}/cmdline`;
    if (!isBelow(pid) || !existsSync(file)) return false;
    const argv = readFileSync(file, 'latin1').split('\0');
    return argv[1] === 'system' && argv[2] === 'service';
  });
};

describe('an engine that is not there', () => {
  it('is told with the command that mends it', async () => {
    const provider = await openDocker('nowhere', {
      SANDBANK_DOCKER_HOST: 'unix:///nowhere/docker.sock',
    });
    const { status, reason } = await provider.health(never);
    expect([status, reason]).toEqual([
      'unavailable',
      expect.stringMatching(
        /\/nowhere\/docker\.sock.*systemctl start docker.*SANDBANK_DOCKER_HOST/,
      ),
    ]);
    await expect(provider.create(spec(), never)).rejects.toMatchObject(unavailable);
    await expect(provider.list(never)).rejects.toMatchObject(unavailable);
    await provider.dispose();
  });

  it('lacks an image until it is pulled, and knows no other template', async () => {
    const provider = await openDocker('images', {
      SANDBANK_DOCKER_TEMPLATES: 'other=localhost/sandbank-none:1',
    });
    expect(provider.templates?.toSorted()).toEqual(['default', 'other']);
    expect(await provider.health(never)).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('docker pull localhost/sandbank-none:1'),
    });
    await expect(provider.create(spec({ template: 'other' }), never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: false,
      message: expect.stringContaining('docker pull localhost/sandbank-none:1'),
    });
    await expect(provider.create(spec({ template: 'constructor' }), never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Allowed: default, other'),
    });
    expect(await provider.list(never)).toEqual([]);
    await provider.dispose();
  });
});

describe('an engine that stops and goes on', () => {
  let service: DockerService;
  let provider: Provider;
  beforeAll(async () => {
    service = await startDocker();
    provider = await openDocker('stopping', {
      SANDBANK_DOCKER_HOST: service.host,
      SANDBANK_DOCKER_IMAGE: service.image,
    });
  }, 300_000);
  afterAll(async () => {
    await provider?.dispose();
    await service?.stop();
  });

  it('hangs no call, ends no sandbox and loses no output', async () => {
    const handle = await provider.create(spec(), never);
    const doomed = await provider.create(spec(), never);
    let hasEnded = false;
    void handle.ended.then(() => {
      hasEnded = true;
    });
    const script = 'for i in {1..100}; do echo $i; sleep 0.05; done; exit 5';
    const argv = ['bash', '-c', script] as const;
    const process = await handle.spawn({ id: newId('prc'), argv, env: {} }, never);
    const pids = servicesOf(service.pid());
    expect(pids.length).toBeGreaterThan(0);
    const signal = (name: NodeJS.Signals): void => {
      for (const pid of pids) globalThis.process.kill(pid, name);
    };
    signal('SIGSTOP');
    try {
      expect((await provider.health(soon())).status).toBe('unavailable');
      await expect(provider.list(soon())).rejects.toMatchObject(unavailable);
      await expect(provider.create(spec(), soon())).rejects.toMatchObject(unavailable);
      await expect(provider.connect(handle.ref, soon())).rejects.toMatchObject(unavailable);
      await expect(provider.destroy(doomed.ref, soon())).rejects.toMatchObject(unavailable);
      await expect(doomed.destroy(soon())).rejects.toMatchObject(unavailable);
      await expect(
        handle.spawn({ id: newId('prc'), argv: ['true'], env: {} }, soon()),
      ).rejects.toMatchObject(unavailable);
      await expect(handle.usage?.(soon())).rejects.toMatchObject(unavailable);
      await expect(handle.ports?.dial?.(80, soon())).rejects.toMatchObject(unavailable);
      const reading = handle.files.read('any', { signal: soon() })[Symbol.asyncIterator]();
      await expect(reading.next()).rejects.toMatchObject(unavailable);
      expect(hasEnded).toBe(false);
    } finally {
      signal('SIGCONT');
    }
    let text = '';
    for await (const chunk of process.output)
      text += chunk.kind === 'output' ? String(Buffer.from(chunk.bytes)) : chunk.reason;
    expect(text).toBe(Array.from({ length: 100 }, (_, index) => `${index + 1}\n`).join(''));
    expect(await process.exit).toMatchObject({ kind: 'EXITED', exitCode: 5 });
    expect(hasEnded).toBe(false);
    await handle.destroy(never);
    await doomed.destroy(never);
    // What was asked of the engine while it was stopped may be done when it goes on; nothing of it stays.
    await vi.waitFor(async () => expect(await provider.list(never)).toEqual([]), {
      timeout: 60_000,
      interval: 500,
    });
  }, 120_000);
});
