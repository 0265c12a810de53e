import { AppError } from '../../errors.ts';

/** Classic BPF, assembled here because libseccomp is not on every host. One row: number on x86-64, number on arm64 (-1: none). */
const REFUSED: Record<string, readonly [number, number]> = {
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  process_madvise: [440, 440],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  open_tree_attr: [467, 467],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  acct: [163, 89],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  lookup_dcookie: [212, 18],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  syslog: [103, 116],
  iopl: [172, -1],
  ioperm: [173, -1],
  vhangup: [153, 58],
  sethostname: [170, 161],
  setdomainname: [171, 162],
};
const CLONE = [56, 220] as const;
const CLONE3 = [435, 435] as const;
const IOCTL = [16, 29] as const;
const SOCKET = [41, 198] as const;
const SOCKETPAIR = [53, 199] as const;
const PERSONALITY = [135, 92] as const;

const AUDIT_ARCH: Record<string, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const NAMESPACE_FLAGS = 0x7e020000;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Others (AF_VSOCK!) are not bound to a network namespace, or are attack surface. */
const FAMILIES = [1, 2, 10, 16];
/** Linux, 32-bit Linux, each with old uname; 0xffffffff asks. None of these weakens address randomisation. */
const PERSONALITIES = [0, 0x8, 0x20000, 0x20008, 0xffffffff];
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const X32_BIT = 0x40000000;

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (code: number): number => 0x00050000 | code;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);

/** Offsets in struct seccomp_data; of an argument, the low half (little-endian). */
const NR = 0;
const ARCH = 4;
const argument = (index: number): number => 16 + 8 * index;

/** The jumps count instructions to skip. */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/** For one system call: `body` has to end in a return on every way through, because it spoils the number loaded. */
const call = (number: number, ...body: Instruction[]): Instruction[] => [
  [JUMP_EQUAL, 0, body.length, number],
  ...body,
];
const oneOf = (index: number, values: readonly number[], yes: number, no: number) => [
  [LOAD, 0, 0, argument(index)] as const,
  ...values.map((value, at) => [JUMP_EQUAL, values.length - at, 0, value] as const),
  [RETURN, 0, 0, no] as const,
  [RETURN, 0, 0, yes] as const,
];

/**
 * The filter every process of a sandbox runs under: no ptrace, no namespaces, no mounts, no kernel interfaces that a program has no need of.
 * clone3 answers ENOSYS, so that libc falls back to clone, whose flags a filter can see.
 */
export const seccompFilter = (arch: string = process.arch): Buffer => {
  const audit = AUDIT_ARCH[arch];
  if (audit === undefined)
    throw new AppError('UNAVAILABLE', `Local sandboxes run on x64 and arm64, not on ${arch}.`);
  const column = arch === 'x64' ? 0 : 1;
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCH],
    [JUMP_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NR],
  ];
  if (arch === 'x64') program.push([JUMP_AT_LEAST, 0, 1, X32_BIT], [RETURN, 0, 0, KILL]);
  for (const numbers of Object.values(REFUSED)) {
    if (numbers[column] >= 0) program.push(...call(numbers[column], [RETURN, 0, 0, EPERM]));
  }
  program.push(
    ...call(CLONE3[column], [RETURN, 0, 0, ENOSYS]),
    ...call(
      CLONE[column],
      [LOAD, 0, 0, argument(0)],
      [JUMP_ANY_BIT, 0, 1, NAMESPACE_FLAGS],
      [RETURN, 0, 0, EPERM],
      [RETURN, 0, 0, ALLOW],
    ),
    ...call(IOCTL[column], ...oneOf(1, [TIOCSTI, TIOCLINUX], EPERM, ALLOW)),
    ...call(SOCKET[column], ...oneOf(0, FAMILIES, ALLOW, EAFNOSUPPORT)),
    ...call(SOCKETPAIR[column], ...oneOf(0, FAMILIES, ALLOW, EAFNOSUPPORT)),
    ...call(PERSONALITY[column], ...oneOf(0, PERSONALITIES, ALLOW, EPERM)),
  );
  program.push([RETURN, 0, 0, ALLOW]);
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, ifTrue, ifFalse, value], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return bytes;
};
