import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { relays } from '../../src/providers/docker/relays.ts';
import { FIND_PROGRAMS } from '../../src/providers/docker/scripts.ts';
import type { SandboxHandle } from '../../src/providers/types/handle.ts';
import type { CompleteProvider } from '../../src/providers/types/provider.ts';
import { collect, completed, never, spec } from '../conformance/provider/subject.ts';
import { dockerEnvironment, openDocker } from './open-docker.ts';

const DEPLOYMENT = 'deployment-of-hardening';
const shell = async (handle: SandboxHandle, script: string, extra = {}) => {
  const { stdout, exit } = await collect(handle, ['bash', '-c', script], extra);
  return { text: String(stdout), exit };
};

describe('a container of the docker provider', () => {
  let provider: CompleteProvider;
  let handle: SandboxHandle;
  const engine = new Docker({
    socketPath: dockerEnvironment().SANDBANK_DOCKER_HOST?.replace('unix://', '') ?? '',
  });
  beforeAll(async () => {
    provider = completed(await openDocker(DEPLOYMENT), DEPLOYMENT);
    handle = await provider.create(spec());
  });
  afterAll(async () => {
    await handle?.destroy();
    await provider?.dispose();
  });

  it('runs everything as a user without capabilities that can gain none', async () => {
    const status = 'grep -hE "^(Uid|Gid|Groups|Cap[A-Z][a-z]+|NoNewPrivs|Seccomp):"';
    const { text } = await shell(handle, `${status} /proc/1/status /proc/self/status`);
    const lines = text.trim().split('\n');
    const values = (name: string): string[] =>
      lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.split('\t')[1] ?? '');
    for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect([name, ...values(name)]).toEqual([name, '0'.repeat(16), '0'.repeat(16)]);
    expect(values('NoNewPrivs')).toEqual(['1', '1']);
    expect(values('Seccomp')).toEqual(['2', '2']);
    expect(values('Uid')).toEqual(['1000', '1000']);
    expect(values('Gid')).toEqual(['1000', '1000']);
  });

  it('can change nothing of the system around it', async () => {
    const { text } = await shell(
      handle,
      `for file in /proc/sys/kernel/core_pattern /etc/passwd /usr/bin/env; do
         (echo x >> "$file") 2>/dev/null && echo "wrote $file"
       done
       mount -t tmpfs none /mnt 2>/dev/null && echo mounted
       su -c true 2>/dev/null < /dev/null && echo su
       ls /var/run/docker.sock /run/podman 2>/dev/null
       echo end`,
    );
    expect(text).toBe('end\n');
  });

  it('has nothing of the machine, no swap and no other network than its own', async () => {
    const { HostConfig, Mounts } = await engine.getContainer(handle.ref).inspect();
    expect(Mounts).toEqual([]);
    expect(HostConfig.Binds ?? []).toEqual([]);
    expect(HostConfig.Privileged).toBe(false);
    expect(HostConfig.MemorySwap).toBe(HostConfig.Memory);
    expect(HostConfig.Memory).toBe(spec().limits.memoryBytes);
    const { text } = await shell(handle, 'ls /sys/class/net');
    expect(text).toBe('lo\n');
  });

  it('holds no more processes than it may', async () => {
    const own = await provider.create(
      spec({ limits: { cpus: 1, memoryBytes: 2 ** 28, diskBytes: 2 ** 26, processes: 30 } }),
    );
    const fork = 'for n in range(60):\n    if os.fork() == 0: time.sleep(100)';
    const script = `import os, time\ntry:\n  ${fork}\nexcept OSError as error: print(n + 1, error.errno)\nelse: print("all")`;
    const { stdout } = await collect(own, ['timeout', '5', 'python3', '-c', script]);
    const EAGAIN = 11;
    const [held, reason] = String(stdout).split('\n')[0]?.split(' ').map(Number) ?? [];
    expect(reason).toBe(EAGAIN);
    expect(held).toBeLessThanOrEqual(30);
    expect(held).toBeGreaterThan(25);
    await own.destroy();
  });

  it('ends a process that multiplies at its timeout, and works again', async () => {
    const own = await provider.create(spec());
    const bomb = 'bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 300';
    const { exit } = await shell(own, bomb, { timeoutMs: 2_000 });
    expect(exit).toMatchObject({ kind: 'SIGNALED', reason: 'TIMED_OUT' });
    await vi.waitFor(
      async () => {
        const { text } = await shell(own, 'pgrep -cx bash');
        expect(Number(text)).toBeLessThanOrEqual(2);
      },
      { timeout: 30_000, interval: 500 },
    );
    await own.destroy();
  }, 90_000);

  it('tells that memory ran out', async () => {
    const { exit } = await collect(handle, ['python3', '-c', 'bytearray(2**30)']);
    expect(exit).toMatchObject({ kind: 'SIGNALED', signal: 'SIGKILL', reason: 'OUT_OF_MEMORY' });
    const killed = await shell(handle, 'kill -9 $$');
    expect(killed.exit).toMatchObject({ kind: 'SIGNALED', reason: null });
  });

  it('does its work also where the caller has made the PATH useless', async () => {
    const one = await provider.create(spec({ env: { PATH: '/nowhere' } }));
    // Without a program to wait by, the first process would go round in circles.
    const waiting = await collect(one, ['/usr/bin/pgrep', '-cx', '-P', '1', 'sleep']);
    expect(String(waiting.stdout)).toBe('1\n');
    const argv = ['/bin/bash', '-c', '/usr/bin/setsid /bin/sleep 300 & /bin/sleep 300'] as const;
    expect((await collect(one, argv, { timeoutMs: 500 })).exit.reason).toBe('TIMED_OUT');
    const left = await collect(one, ['/bin/bash', '-c', '/usr/bin/pgrep -cfx "/bin/sleep 300"']);
    expect(String(left.stdout)).toBe('0\n');
    expect(await one.ports()).toEqual([]);
    await one.destroy();
  });

  it('keeps no zombies', async () => {
    await shell(handle, 'for i in 1 2 3; do (sleep 0.1 &); done');
    await vi.waitFor(
      async () => expect((await shell(handle, 'ps -eo stat= | grep -c ^Z')).text).toBe('0\n'),
      { timeout: 10_000, interval: 300 },
    );
  });

  it('lets no label of a caller stand for one of ours', async () => {
    const one = spec({ labels: { 'sandbank.deployment': 'another', team: 'red' } });
    const made = await provider.create(one);
    const { Config } = await engine.getContainer(made.ref).inspect();
    expect(Config.Labels['sandbank.deployment']).toBe(DEPLOYMENT);
    expect(Config.Labels['sandbank.label.team']).toBe('red');
    expect((await provider.list()).map(({ id }) => id)).toContain(one.id);
    await made.destroy();
  });

  it('runs no second process under an id, also when another server asks', async () => {
    const id = newId('prc');
    await collect(handle, ['bash', '-c', 'echo x >> ran'], { id });
    const other = await openDocker(DEPLOYMENT);
    const again = await other.connect(handle.ref, never);
    await expect(
      again.spawn({ id, argv: ['bash', '-c', 'echo x >> ran'], env: {} }, never),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await shell(handle, 'cat ran')).text).toBe('x\n');
    await other.dispose();
  });

  it.each(['python3', 'perl', 'bash'])('reaches a port by %s alone', async (program) => {
    const server = await handle.spawn({
      id: newId('prc'),
      argv: [
        'python3',
        '-uc',
        'import socket; s=socket.create_server(("127.0.0.1",0)); print(s.getsockname()[1]); c,_=s.accept(); c.sendall(b"hi:"+c.recv(9)); c.close()',
      ],
      env: {},
    });
    let port = '';
    for await (const chunk of server.output) {
      if (chunk.kind === 'output') port += String(Buffer.from(chunk.bytes));
      if (port.endsWith('\n')) break;
    }
    const only = `mkdir -p only-${program}; for tool in ${program} cat; do ln -sf "$(command -v $tool)" only-${program}/; done`;
    await shell(handle, only);
    const script = relays.replace(FIND_PROGRAMS, '');
    const { stdout } = await collect(handle, ['/bin/sh', '-c', script, 'relay', port.trim()], {
      env: { PATH: `/home/user/only-${program}` },
      input: Buffer.from('there'),
    });
    expect(String(stdout)).toMatch(/^ok \d+\nhi:there$/);
  });
});
