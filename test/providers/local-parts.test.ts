import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublic } from '../../src/providers/local/addresses.ts';
import { openCgroups } from '../../src/providers/local/cgroup.ts';
import { createEgress, type EgressOptions } from '../../src/providers/local/egress.ts';
import { probeHost } from '../../src/providers/local/probe.ts';
import { openProcUsage } from '../../src/providers/local/proc-usage.ts';
import { seccompFilter } from '../../src/providers/local/seccomp.ts';
import { openUids } from '../../src/providers/local/uids.ts';

const isRoot = process.getuid?.() === 0;
const dir = mkdtempSync(join(tmpdir(), 'sandbank-parts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the filter, under a real bwrap', () => {
  const run = async (...argv: string[]) => {
    const file = join(dir, 'filter.bpf');
    writeFileSync(file, seccompFilter());
    const child = spawn(
      'bwrap',
      `--unshare-user --unshare-pid --uid 1000 --gid 1000 --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib
       --symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /tmp --cap-drop ALL --seccomp 3`
        .split(/\s+/)
        .concat(argv),
      {
        cwd: '/',
        env: { PATH: '/usr/bin:/bin', HOME: '/tmp' },
        stdio: ['ignore', 'pipe', 'pipe', openSync(file, 'r')],
        ...(isRoot ? { uid: 219_998, gid: 219_998 } : {}),
      },
    );
    const [out, err, [code]] = await Promise.all([
      text(child.stdout as NodeJS.ReadableStream),
      text(child.stderr as NodeJS.ReadableStream),
      once(child, 'exit'),
    ]);
    return { code: code as number, out, err };
  };
  /** The errno of a raw system call, or 0. */
  const errnoOf = async (number: number, ...rest: (number | string)[]) => {
    const { code, out } = await run(
      '/usr/bin/python3',
      '-c',
      `import ctypes
l = ctypes.CDLL(None, use_errno=True)
print(ctypes.get_errno() if l.syscall(${[number, ...rest].join(',')}) == -1 else 0)`,
    );
    return code === 0 ? Number(out) : `ended with ${code}`;
  };
  const EPERM = 1;

  it.each([
    ['python3', ['/usr/bin/python3', '-c', 'import subprocess; subprocess.run(["echo", "ran"])']],
    ['perl', ['/usr/bin/perl', '-e', 'system("echo ran")']],
    ['bash', ['/bin/bash', '-c', 'echo $(echo ran) | cat']],
  ] as const)('lets %s start other programs', async (_, argv) => {
    expect(await run(...argv)).toMatchObject({ code: 0, out: 'ran\n' });
  });

  it('lets threads start, whose clone3 is answered by ENOSYS', async () => {
    const script =
      'import threading; t = threading.Thread(target=lambda: print("thread")); t.start(); t.join()';
    expect(await run('/usr/bin/python3', '-c', script)).toMatchObject({ code: 0, out: 'thread\n' });
  });

  describe.skipIf(process.arch !== 'x64')('by number on x86-64', () => {
    it.each([
      ['ptrace', 101, 16, 1],
      ['pidfd_getfd', 438, 3, 0, 0],
      ['process_vm_readv', 310, 1],
      ['unshare', 272, 0],
      ['setns', 308, 0],
      ['mount', 165, 0],
      ['move_mount', 429, 0],
      ['fsopen', 430, 0],
      ['pivot_root', 155, 0],
      ['chroot', 161, 0],
      ['bpf', 321, 0],
      ['io_uring_setup', 425, 0],
      ['keyctl', 250, 0],
      ['userfaultfd', 323, 0],
      ['open_by_handle_at', 304, 0],
      ['personality without randomisation', 135, 0x40000],
      ['clone into a user namespace', 56, 0x10000000],
      ['ioctl TIOCSTI', 16, 0, 0x5412],
      ['ioctl TIOCLINUX', 16, 0, 0x541c],
      ['ioctl TIOCSTI with other upper bits', 16, 0, '0x100005412'],
    ] as const)('refuses %s', async (_, number, ...rest) => {
      expect(await errnoOf(number, ...rest)).toBe(EPERM);
    });

    it('says that there is no clone3', async () => {
      expect(await errnoOf(435, 0, 0)).toBe(38);
    });

    it.each([
      ['AF_VSOCK, which no network namespace holds back', 40],
      ['AF_ALG', 38],
      ['AF_PACKET', 17],
    ])('has no sockets of %s', async (_, family) => {
      expect(await errnoOf(41, family, 1, 0)).toBe(97);
    });

    it.each([1, 2, 10, 16])('has sockets of the family %i', async (family) => {
      expect(await errnoOf(41, family, 3, 0).then((errno) => errno !== 97)).toBe(true);
    });

    it('kills what calls by the numbers of x32 or of 32-bit x86', async () => {
      expect(await errnoOf(0x40000000 + 39)).toBe(`ended with ${128 + 31}`);
      const legacy = `import ctypes, mmap
m = mmap.mmap(-1, 4096, prot=7)
m.write(bytes([0x53, 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0x5b, 0xc3]))
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))())`;
      expect((await run('/usr/bin/python3', '-c', legacy)).code).toBe(128 + 31);
    });
  });

  it('has a table for arm64 and refuses architectures it has none for', () => {
    expect(seccompFilter('arm64').length % 8).toBe(0);
    expect(() => seccompFilter('s390x')).toThrow(/x64 and arm64/);
  });
});

describe('control groups', () => {
  const cgroups = openCgroups();
  const limits = { cpus: 1, memoryBytes: 64 * 2 ** 20, diskBytes: 2 ** 30, processes: 16 };
  /** Waits for a line before it runs, so that it can be put into its group first. */
  const start = (script: string): ChildProcess =>
    spawn('bash', ['-c', `read go; ${script}`], { stdio: ['pipe', 'pipe', 'ignore'] });

  it('gives the same kind however often it is asked', () => {
    expect(openCgroups()?.kind).toBe(cgroups?.kind);
  });

  it.skipIf(!cgroups)('kill what takes more memory, and tell the peak', async () => {
    const group = (cgroups as NonNullable<typeof cgroups>).open('parts-memory');
    group.setLimits(limits);
    const hog = start('exec python3 -c "b = bytearray(512 * 2**20)"');
    group.add(hog.pid as number);
    hog.stdin?.end('go\n');
    const [code, signal] = await once(hog, 'exit');
    expect([code, signal]).toEqual([null, 'SIGKILL']);
    expect(group.usage().peakMemoryBytes).toBeGreaterThan(limits.memoryBytes);
    expect(group.usage().cpuSeconds).toBeGreaterThan(0);
    await group.remove();
    expect(existsSync('/sys/fs/cgroup/memory/sandbank/parts-memory')).toBe(false);
  });

  it.skipIf(!cgroups)('stop what forks without end', async () => {
    const group = (cgroups as NonNullable<typeof cgroups>).open('parts-pids');
    group.setLimits(limits);
    const bomb = start(`exec python3 -c '
import subprocess
made = []
try:
    for _ in range(200): made.append(subprocess.Popen(["sleep", "60"]))
except OSError: pass
print(len(made), flush=True)
for one in made: one.kill()'`);
    group.add(bomb.pid as number);
    bomb.stdin?.end('go\n');
    const made = Number(await text(bomb.stdout as NodeJS.ReadableStream));
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(60);
    await group.remove();
  });

  it('are replaced by a look at /proc where none can be written', async () => {
    const child = spawn(
      'bwrap',
      [
        '--unshare-pid',
        '--dev-bind',
        '/',
        '/',
        'bash',
        '-c',
        'python3 -c "b = bytearray(64 * 2**20); sum(range(5_000_000)); print(1, flush=True); input()"; true',
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    const usage = openProcUsage(await firstInside(child.pid as number));
    const measured = usage();
    expect(measured.processes).toBeGreaterThanOrEqual(3);
    expect(measured.memoryBytes).toBeGreaterThan(64 * 2 ** 20);
    expect(measured.cpuSeconds).toBeGreaterThan(0);
    child.stdin?.end('\n');
    await once(child, 'exit');
    const after = usage();
    expect(after).toMatchObject({
      processes: 0,
      memoryBytes: 0,
      peakMemoryBytes: measured.peakMemoryBytes,
    });
    expect(after.cpuSeconds).toBeGreaterThanOrEqual(measured.cpuSeconds);
  });
});

const firstInside = async (outer: number): Promise<number> =>
  Number(
    (await text(spawn('pgrep', ['-P', String(outer)]).stdout as NodeJS.ReadableStream)).trim(),
  );

describe.skipIf(!isRoot)('user ids', () => {
  const claims = join(dir, 'claims');
  const owner = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  };

  it('are never taken twice, not by two servers either, and never 0', () => {
    const pools = [openUids({ claims }), openUids({ claims })];
    const taken = Array.from({ length: 200 }, (_, index) => pools[index % 2]?.take(owner('both')));
    expect(new Set(taken).size).toBe(200);
    expect(Math.min(...taken.map(Number))).toBeGreaterThanOrEqual(200_000);
  });

  it('come back only from the one who has them', () => {
    const pool = openUids({ claims });
    const uid = pool.take(owner('first'));
    pool.give(uid, owner('second'));
    expect(existsSync(join(claims, String(uid)))).toBe(true);
    pool.give(uid, owner('first'));
    expect(existsSync(join(claims, String(uid)))).toBe(false);
  });

  it('are claimed anew for a sandbox that outlived the claims', () => {
    const pool = openUids({ claims });
    pool.adopt(212_345, owner('kept'));
    pool.adopt(212_345, owner('other'));
    pool.give(212_345, owner('other'));
    expect(existsSync(join(claims, '212345'))).toBe(true);
  });

  it('are the server’s own where it is not root', () => {
    expect(openUids({ own: 1_234, claims }).take('x')).toBe(1_234);
  });
});

describe('the way out', () => {
  const upstream = createHttpServer((request, response) => {
    if (request.url === '/cut') {
      response.write('half');
      setImmediate(() => response.destroy());
    } else response.end(`${request.method} ${request.url} ${request.headers.host}`);
  });
  const echo = createServer((socket) => void socket.pipe(socket));
  const log = pino({ level: 'silent' });
  const names: Record<string, string[]> = {
    'good.test': ['127.0.0.1'],
    'private.test': ['10.0.0.1', '127.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1'],
    'nonsense.test': ['fe80::1%eth0', 'not an address'],
  };
  let port = 0;
  let echoPort = 0;
  beforeAll(async () => {
    upstream.listen(0, '127.0.0.1');
    echo.listen(0, '127.0.0.1');
    await Promise.all([once(upstream, 'listening'), once(echo, 'listening')]);
    port = (upstream.address() as AddressInfo).port;
    echoPort = (echo.address() as AddressInfo).port;
  });
  afterAll(() => {
    upstream.close();
    echo.close();
  });

  /** What the proxy answers to raw bytes, until it closes. */
  const say = async (bytes: string, options: Partial<EgressOptions> = {}) => {
    const egress = createEgress({
      policy: () => ({ mode: 'full', allow: [] }),
      log,
      resolve: async (host) => names[host] ?? Promise.reject(new Error('no such name')),
      ...options,
    });
    const front = createServer({ allowHalfOpen: true }, (socket) => egress.handle(socket));
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const client = connect((front.address() as AddressInfo).port, '127.0.0.1');
    client.write(bytes);
    const answer = await text(client).catch((error: Error) => error.message);
    front.close();
    return answer;
  };
  const permitAddress = (address: string): boolean => address === '127.0.0.1';
  const get = (address: string) =>
    `GET ${address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;

  it('is closed under the policy none', async () => {
    const policy = () => ({ mode: 'none', allow: [] }) as const;
    expect(await say(get('http://good.test/'), { policy })).toMatch(/^HTTP\/1.1 403[\s\S]*policy/);
    expect(await say('CONNECT good.test:443 HTTP/1.1\r\n\r\n', { policy })).toMatch(
      /^HTTP\/1.1 403/,
    );
  });

  it('leads to an allowed name, and to no other, nor to another port', async () => {
    const options = {
      permitAddress,
      policy: () => ({ mode: 'allow-list', allow: [`good.test:${port}`] }) as const,
    };
    expect(await say(get(`http://GOOD.test:${port}/a?b`), options)).toContain(
      `GET /a?b good.test:${port}`,
    );
    expect(await say(get(`http://good.test:${echoPort}/`), options)).toMatch(/^HTTP\/1.1 403/);
    expect(await say(get(`http://private.test:${port}/`), options)).toMatch(/^HTTP\/1.1 403/);
  });

  it('tunnels bytes both ways', async () => {
    const answer = await say(`CONNECT good.test:${echoPort} HTTP/1.1\r\n\r\nearly bytes`, {
      permitAddress,
      ...closeEcho(echo),
    });
    expect(answer).toBe('HTTP/1.1 200 Connection Established\r\n\r\nearly bytes');
  });

  it.each(['http://private.test/', 'http://nonsense.test/', 'http://good.test/'])(
    'does not lead to the private addresses behind %s',
    async (address) => {
      expect(await say(get(address))).toMatch(/^HTTP\/1.1 403[\s\S]*private or local/);
    },
  );

  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost/',
  ])('does not lead to the host by %s', async (address) => {
    const { resolve: _, ...rest } = { resolve: undefined };
    const { lookup } = await import('node:dns/promises');
    const system = async (host: string) =>
      (await lookup(host, { all: true })).map((one) => one.address);
    expect(await say(get(address), { ...rest, resolve: system })).toMatch(/^HTTP\/1.1 403/);
  });

  it('connects to the address it has checked, though the name changes meanwhile', async () => {
    let asked = 0;
    const answer = await say(get(`http://rebind.test:${port}/`), {
      permitAddress: (address) => address === '127.0.0.1',
      resolve: async () => [asked++ === 0 ? '127.0.0.1' : '192.0.2.1'],
    });
    expect(answer).toContain('GET / rebind.test');
    expect(asked).toBe(1);
  });

  it.each([
    ['no HTTP', '\x16\x03\x01\x02\x00 hello\r\n\r\n', 400],
    ['an origin-form address', get('/'), 400],
    ['another scheme', get('ftp://good.test/'), 400],
    ['CONNECT without a port', 'CONNECT good.test HTTP/1.1\r\n\r\n', 400],
    ['CONNECT to no port', 'CONNECT good.test:99999 HTTP/1.1\r\n\r\n', 400],
    [
      'a header of 20 KiB',
      `GET http://good.test/ HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      400,
    ],
    ['an unknown name', get('http://unknown.test/'), 502],
  ])('answers %s in one line', async (_, bytes, status) => {
    const answer = await say(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.split('\r\n\r\n')[1]?.replace(/^\w+\r\n|\r\n\w+$/g, '')).toMatch(/\w+/);
  });

  it('survives an upstream that breaks off, and one that does not answer', async () => {
    expect(await say(get(`http://good.test:${port}/cut`), { permitAddress })).toContain('half');
    expect(await say('CONNECT good.test:1 HTTP/1.1\r\n\r\n', { permitAddress })).toMatch(
      /^HTTP\/1.1 502/,
    );
    const failing = {
      resolve: () => {
        throw new Error('resolver broke');
      },
    };
    expect(await say(get('http://good.test/'), failing)).toMatch(/^HTTP\/1.1 502/);
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    'fd00::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'localhost',
    '',
  ])('holds %j not to be public', (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it.each(['93.184.216.34', '2606:2800:220:1::1'])('holds %s to be public', (address) => {
    expect(isPublic(address)).toBe(true);
  });
});

/** The echo ends with its first answer, so that the tunnel can be read to its end. */
const closeEcho = (echo: ReturnType<typeof createServer>): object => {
  echo.once('connection', (socket: Socket) => socket.once('data', () => socket.end()));
  return {};
};

describe('the probe of the host', () => {
  it('says for each means what it is, and how to mend what fails', async () => {
    const { ok, checks } = await probeHost();
    expect(ok).toBe(checks.every(({ status }) => status !== 'failed'));
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['platform', 'bubblewrap', 'isolation', 'users', 'limits', 'network']),
    );
    for (const { name, status, detail, remedy } of checks) {
      expect(detail, name).not.toBe('');
      if (status !== 'ok') expect(remedy, name).toMatch(/\w/);
    }
  });
});
