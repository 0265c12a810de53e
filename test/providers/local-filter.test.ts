import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { seccompFilter } from '../../src/providers/local/seccomp.ts';

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
