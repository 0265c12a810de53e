import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceLimits } from '../types/sandbox.ts';

export type CgroupUsage = {
  cpuSeconds: number;
  memoryBytes: number;
  peakMemoryBytes: number;
  processes: number;
};

export type Cgroup = {
  add(pid: number): void;
  setLimits(limits: ResourceLimits): void;
  usage(): CgroupUsage;
  /** Waits for the last task to be gone, at most 5 s. */
  remove(): Promise<void>;
};

export type Cgroups = { kind: 'v2' | 'v1'; open(id: string): Cgroup };

const PERIOD_MICROS = 100_000;
/** The supervisor's own threads and memory come on top of what the user asked for. */
const OWN_PROCESSES = 24;
const OWN_MEMORY = 64 * 2 ** 20;

const number = (file: string): number => {
  try {
    return Number(readFileSync(file, 'utf8').trim()) || 0;
  } catch {
    return 0;
  }
};
const field = (file: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
/** A knob the kernel was built without (swap accounting) is no reason to fail. */
const tryWrite = (file: string, value: string | number): void => {
  try {
    writeFileSync(file, String(value));
  } catch {
    // See above.
  }
};

const removeAll = async (dirs: string[]): Promise<void> => {
  for (const dir of dirs) {
    for (let attempt = 0; existsSync(dir) && attempt < 100; attempt += 1) {
      try {
        rmdirSync(dir);
      } catch {
        await sleep(50);
      }
    }
  }
};

const v1 = (root: string): Cgroups => ({
  kind: 'v1',
  open(id) {
    const at = (controller: string): string => join(root, controller, 'sandbank', id);
    const dirs = ['memory', 'pids', 'cpu', 'cpuacct'].map(at);
    for (const dir of dirs) mkdirSync(dir, { recursive: true });
    return {
      add(pid) {
        for (const dir of dirs) writeFileSync(join(dir, 'cgroup.procs'), String(pid));
      },
      setLimits(limits) {
        const memory = limits.memoryBytes + OWN_MEMORY;
        // Raising needs the total first, lowering the memory first: doing both in both orders covers both.
        tryWrite(join(at('memory'), 'memory.memsw.limit_in_bytes'), memory);
        writeFileSync(join(at('memory'), 'memory.limit_in_bytes'), String(memory));
        tryWrite(join(at('memory'), 'memory.memsw.limit_in_bytes'), memory);
        writeFileSync(join(at('pids'), 'pids.max'), String(limits.processes + OWN_PROCESSES));
        writeFileSync(join(at('cpu'), 'cpu.cfs_period_us'), String(PERIOD_MICROS));
        writeFileSync(
          join(at('cpu'), 'cpu.cfs_quota_us'),
          String(Math.round(limits.cpus * PERIOD_MICROS)),
        );
      },
      usage: () => ({
        cpuSeconds: number(join(at('cpuacct'), 'cpuacct.usage')) / 1e9,
        memoryBytes: number(join(at('memory'), 'memory.usage_in_bytes')),
        peakMemoryBytes: number(join(at('memory'), 'memory.max_usage_in_bytes')),
        processes: readFileSync(join(at('pids'), 'cgroup.procs'), 'utf8').split('\n').length - 1,
      }),
      remove: () => removeAll(dirs),
    };
  },
});

const v2 = (parent: string): Cgroups => ({
  kind: 'v2',
  open(id) {
    const dir = join(parent, id);
    mkdirSync(dir, { recursive: true });
    const at = (name: string): string => join(dir, name);
    return {
      add: (pid) => writeFileSync(at('cgroup.procs'), String(pid)),
      setLimits(limits) {
        writeFileSync(at('memory.max'), String(limits.memoryBytes + OWN_MEMORY));
        tryWrite(at('memory.swap.max'), 0);
        writeFileSync(at('pids.max'), String(limits.processes + OWN_PROCESSES));
        writeFileSync(at('cpu.max'), `${Math.round(limits.cpus * PERIOD_MICROS)} ${PERIOD_MICROS}`);
      },
      usage: () => ({
        cpuSeconds: field(at('cpu.stat'), 'usage_usec') / 1e6,
        memoryBytes: number(at('memory.current')),
        peakMemoryBytes: number(at('memory.peak')),
        processes: readFileSync(at('cgroup.procs'), 'utf8').split('\n').length - 1,
      }),
      remove: () => removeAll([dir]),
    };
  },
});

const SUPERVISOR = '/supervisor';

const tryV2 = (): Cgroups | null => {
  try {
    const found = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
    // Asked a second time, or started by a server that had moved: the sandboxes' groups must stay where they were.
    const own = found.endsWith(SUPERVISOR) ? found.slice(0, -SUPERVISOR.length) : found;
    const base = join('/sys/fs/cgroup', own);
    const controllers = readFileSync(join(base, 'cgroup.controllers'), 'utf8').split(/\s+/);
    if (!['memory', 'pids', 'cpu'].every((name) => controllers.includes(name))) return null;
    const parent = join(base, 'sandbank');
    mkdirSync(parent, { recursive: true });
    // A group that distributes controllers may hold no process itself: the server moves to a leaf beside its sandboxes.
    mkdirSync(join(base, SUPERVISOR), { recursive: true });
    writeFileSync(join(base, SUPERVISOR, 'cgroup.procs'), String(process.pid));
    writeFileSync(join(base, 'cgroup.subtree_control'), '+memory +pids +cpu');
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory +pids +cpu');
    return v2(parent);
  } catch {
    return null;
  }
};

const tryV1 = (): Cgroups | null => {
  try {
    for (const controller of ['memory', 'pids', 'cpu', 'cpuacct']) {
      if (!existsSync(`/sys/fs/cgroup/${controller}/cgroup.procs`)) return null;
      const dir = `/sys/fs/cgroup/${controller}/sandbank`;
      mkdirSync(dir, { recursive: true });
      // It may be there already, made by another server that runs as root.
      accessSync(dir, constants.W_OK);
    }
    return v1('/sys/fs/cgroup');
  } catch {
    return null;
  }
};

/** Version 2 delegated to us, else a writable version 1, else null: limits are then rlimits and accounting only. */
export const openCgroups = (): Cgroups | null => tryV2() ?? tryV1();
