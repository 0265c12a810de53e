import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublic } from '../../src/providers/local/addresses.ts';
import { isAllowed } from '../../src/providers/local/egress.ts';
import { refuseRoot } from '../../src/providers/local/uids.ts';
import type { SandboxHandle } from '../../src/providers/types/handle.ts';
import { bytesOf, collect, spec } from '../conformance/provider/subject.ts';
import { openLocal } from './open-local.ts';

describe('attempts to leave a local sandbox', () => {
  let local: Awaited<ReturnType<typeof openLocal>>;
  let handle: SandboxHandle;
  const sh = async (script: string) => {
    const { exit, stdout, stderr } = await collect(handle, ['bash', '-c', script], {
      timeoutMs: 20_000,
    });
    return { code: exit.exitCode, kind: exit.kind, out: String(stdout), err: String(stderr) };
  };
  beforeAll(async () => {
    local = await openLocal();
    handle = await local.provider.create(spec());
  });
  afterAll(async () => {
    await handle.destroy();
    await local.close();
  });

  it('refuses to run as the host’s root', () => {
    expect(() => refuseRoot(0)).toThrow(/must not run as user id 0/);
  });

  it('is nobody: no capabilities, no new privileges, a filter, a user of its own', async () => {
    const { out } = await sh(
      'id -u; grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status',
    );
    expect(out.replace(/\s+/g, ' ')).toBe(
      '1000 CapBnd: 0000000000000000 CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 '.replace(
        'CapBnd: 0000000000000000 CapEff: 0000000000000000',
        'CapEff: 0000000000000000 CapBnd: 0000000000000000',
      ),
    );
  });

  it('sees no file of the host but a read-only system', async () => {
    writeFileSync('/tmp/sandbank-host-file', 'secret');
    try {
      const { out } = await sh(
        'cat /etc/shadow /tmp/sandbank-host-file 2>/dev/null; ls /root 2>/dev/null; ls /home; touch /usr/x /etc/x /x 2>&1 | grep -c "Read-only"',
      );
      expect(out).toBe('user\n3\n');
    } finally {
      rmSync('/tmp/sandbank-host-file');
    }
  });

  it('sees no process of the host, and kills none', async () => {
    const { out } = await sh(
      `ls /proc | grep -c '^[0-9]'; kill -9 ${process.pid} 2>&1; cat /proc/1/environ | tr '\\0' '\\n'`,
    );
    const [count, answer, ...environ] = out.split('\n');
    expect(Number(count)).toBeLessThan(12);
    expect(answer).toContain('No such process');
    expect(environ.filter((line) => line && !/^(PATH|PWD)=/.test(line))).toEqual([]);
  });

  it.each([
    ['mount', 'mount -t tmpfs none /tmp'],
    ['remount', 'mount -o remount,rw /'],
    ['chroot', 'chroot / true'],
    ['another namespace', 'unshare -Urm true'],
    ['the host’s namespaces', 'nsenter -t 1 -m true'],
    ['a device', 'mknod /tmp/d b 8 0'],
    ['the host name', 'hostname evil'],
    ['the core pattern', 'echo x > /proc/sys/kernel/core_pattern'],
    ['sysrq', 'echo h > /proc/sysrq-trigger'],
    [
      'a raw socket',
      'python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"',
    ],
    [
      'ptrace',
      'python3 -c "import ctypes,sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16, 2, 0, 0) == 0 else 1)"',
    ],
    ['dmesg', 'dmesg'],
  ])('does not get %s', async (_, script) => {
    const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
    expect((await sh(script)).code).not.toBe(0);
    expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(pattern);
  });

  it('does not reach a service of the host, by loopback or by abstract socket', async () => {
    const tcp = createServer((socket) => void socket.end('host'));
    const abstract = createServer((socket) => void socket.end('host'));
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => abstract.listen('\0sandbank-escape-test', resolve));
    const { port } = tcp.address() as AddressInfo;
    const script = `import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", ${port})), (socket.AF_UNIX, "\\0sandbank-escape-test")):
    try:
        s = socket.socket(family); s.settimeout(2); s.connect(address); print("reached", address)
    except OSError as e: print("refused")`;
    const { stdout } = await collect(handle, ['python3', '-c', script]);
    tcp.close();
    abstract.close();
    expect(String(stdout)).toBe('refused\nrefused\n');
  });

  it('does not read or write the host by links, dots or /proc through the file API', async () => {
    writeFileSync('/tmp/sandbank-victim', 'whole');
    try {
      await sh('ln -sf /tmp/sandbank-victim out; ln -sf / root; ln -sf /etc/shadow shadow');
      await handle.files.write('out', [Buffer.from('owned')]).catch(() => undefined);
      for (const path of [
        'shadow',
        'root/etc/shadow',
        '../../../../etc/shadow',
        '/proc/self/root/etc/shadow',
        '/proc/1/root/etc/shadow',
      ]) {
        await expect(bytesOf(handle.files.read(path))).rejects.toMatchObject({
          code: expect.stringMatching(/NOT_FOUND|FORBIDDEN/),
        });
      }
      expect(readFileSync('/tmp/sandbank-victim', 'utf8')).toBe('whole');
    } finally {
      rmSync('/tmp/sandbank-victim');
    }
  });

  it('does not win a race of links against the file API', async () => {
    writeFileSync('/tmp/sandbank-race', 'whole');
    const racer = await handle.spawn({
      id: 'prc_racer',
      argv: [
        'bash',
        '-c',
        'mkdir -p race; while true; do rm -rf swap; mkdir swap; rm -rf swap; ln -s /tmp swap; done',
      ],
      env: {},
    });
    for (let round = 0; round < 200; round += 1)
      await handle.files.write('swap/sandbank-race', [Buffer.from('owned')]).catch(() => undefined);
    await racer.signal('SIGKILL');
    const content = readFileSync('/tmp/sandbank-race', 'utf8');
    rmSync('/tmp/sandbank-race');
    expect(content).toBe('whole');
  });

  it('is not held up by a FIFO that nobody writes to', async () => {
    await sh('mkfifo pipe');
    await expect(bytesOf(handle.files.read('pipe'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('does not swap the control socket', async () => {
    expect(
      (await sh('rm -f /run/sandbank/control.sock || mv /run/sandbank/control.sock /tmp/')).code,
    ).not.toBe(0);
  });

  it('survives a fork bomb that reaches only its own limit', async () => {
    const target = await local.provider.create(spec());
    const bomb = await collect(target, ['bash', '-c', 'f() { f | f & }; f; sleep 2'], {
      timeoutMs: 4_000,
    });
    // Its own memory limit may end the whole sandbox with it: then it is lost, and said to be.
    expect(['EXITED', 'SIGNALED', 'LOST']).toContain(bomb.exit.kind);
    await target.destroy();
    expect((await sh('echo alive')).out).toBe('alive\n');
  });

  it('kills what takes more memory than it may, and no other', async (test) => {
    if (local.provider.capabilities.limits.memory !== 'enforced')
      return test.skip('no writable cgroup on this host');
    const victim = await local.provider.create(spec());
    const { exit } = await collect(
      victim,
      ['python3', '-c', 'b = bytearray(1024 * 2**20); print(len(b))'],
      { timeoutMs: 20_000 },
    );
    expect(exit).not.toMatchObject({ kind: 'EXITED', exitCode: 0 });
    await victim.destroy();
    expect((await sh('echo alive')).out).toBe('alive\n');
  });

  it('does not fill the host: files, /tmp and /dev/shm have an end', async () => {
    const { out } = await sh(
      'for f in big /tmp/big /dev/shm/big /dev/big; do dd if=/dev/zero of=$f bs=1M count=600 2>/dev/null; stat -c %s $f 2>/dev/null || echo none; rm -f $f; done',
    );
    const sizes = out.trim().split('\n');
    expect(Number(sizes[0])).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(Number(sizes[1])).toBeLessThanOrEqual(256 * 2 ** 20);
    expect(Number(sizes[2])).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(sizes[3]).toBe('none');
  });

  it('leaves nothing behind', async () => {
    const one = await local.provider.create(spec());
    await one.spawn({
      id: 'prc_left',
      argv: ['bash', '-c', 'setsid nohup sleep 4242 & sleep 4242'],
      env: {},
    });
    await one.destroy();
    const sandboxes = (await readdir(`${local.stateDir}/local/sandboxes`)).filter(
      (name) => name === one.ref,
    );
    expect(sandboxes).toEqual([]);
    const alive = (await readdir('/proc')).filter(
      (pid) =>
        /^\d+$/.test(pid) &&
        existsSync(`/proc/${pid}/cmdline`) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('4242'),
    );
    expect(alive).toEqual([]);
    expect(existsSync(`/sys/fs/cgroup/memory/sandbank/${one.ref}`)).toBe(false);
  });

  it('reaches only public addresses and allowed names through the proxy', () => {
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '169.254.169.254',
      '192.168.1.1',
      '172.20.0.1',
      '100.64.0.1',
      '0.0.0.0',
      '::1',
      'fe80::1',
      'fd00::1',
      '::ffff:127.0.0.1',
    ])
      expect(isPublic(address), address).toBe(false);
    expect(isPublic('93.184.216.34')).toBe(true);
    const policy = {
      mode: 'allow-list',
      allow: ['registry.npmjs.org', '*.example.com', 'db.example.org:5432'],
    } as const;
    expect(isAllowed(policy, 'REGISTRY.npmjs.org', 443)).toBe(true);
    expect(isAllowed(policy, 'registry.npmjs.org.evil.com', 443)).toBe(false);
    expect(isAllowed(policy, 'a.example.com', 443)).toBe(true);
    expect(isAllowed(policy, 'evilexample.com', 443)).toBe(false);
    expect(isAllowed(policy, 'registry.npmjs.org', 22)).toBe(false);
    expect(isAllowed(policy, 'db.example.org', 5_432)).toBe(true);
  });
});
