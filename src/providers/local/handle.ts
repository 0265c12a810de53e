import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import type { Sealer } from '../../lib/sealed.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { ResourceUsage, SandboxEnd } from '../types/sandbox.ts';
import { BASE_ENV } from './bwrap.ts';
import { createEgress } from './egress.ts';
import { createFiles } from './files.ts';
import { isAlive } from './proc.ts';
import { openProcUsage } from './proc-usage.ts';
import { createProcessTable } from './process.ts';
import { type SupervisorState, saveState } from './state.ts';
import type { Supervisor } from './supervisor.ts';

const WATCH_MS = 500;
const DISK_MS = 3_000;
const PROXY = 'http://127.0.0.1:3128';
const PROXY_ENV = Object.fromEntries(
  [
    'http_proxy',
    'https_proxy',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'npm_config_proxy',
    'npm_config_https_proxy',
  ].map((name) => [name, PROXY]),
);

/** How long a sandbox goes on without a server, at most, in milliseconds. */
const LEASE_MS = 24 * 3_600_000;
/** A supervisor of an earlier version knows no instant, only how long to wait. */
const leaseOf = ({ expiresAt }: SupervisorState): { leaseMs: number; expiresAt?: number } =>
  expiresAt === undefined
    ? { leaseMs: LEASE_MS }
    : { leaseMs: Math.min(Math.max(expiresAt - Date.now(), 1_000), LEASE_MS), expiresAt };

const DIED: SandboxEnd = {
  reason: 'died',
  message: 'The sandbox ended by itself: its supervisor was killed, or the host ran out of memory.',
};

export type LocalHandle = VendorHandle & { detach(): void };

export type HandleOptions = {
  supervisor: Supervisor;
  limitsKind: string;
  sealer: Sealer;
  log: Logger;
  /** Removes everything of the sandbox; called again when it failed. */
  remove(): Promise<void>;
};

export const createHandle = ({
  supervisor,
  limitsKind,
  sealer,
  log,
  remove,
}: HandleOptions): LocalHandle => {
  const { link, cgroup, ref } = supervisor;
  let { state } = supervisor;
  const { network } = state.settings;
  const env = JSON.parse(sealer.unseal(state.settings.env)) as Record<string, string>;
  const processes = createProcessTable(link);
  const ended = Promise.withResolvers<SandboxEnd>();
  const measure = cgroup ? () => cgroup.usage() : openProcUsage(state.inner);
  let diskBytes = 0;
  /** Of tunnels that are closed; the open ones know theirs. */
  let egressBytes = 0;
  const tunnels = new Set<() => number>();
  let removal: Promise<void> | null = null;
  const files = createFiles(link, () => diskBytes > state.limits.diskBytes);
  if (network.mode !== 'none') {
    const egress = createEgress({ policy: () => network, log });
    link.onEgress((socket) => {
      const count = (): number => socket.bytesRead + socket.bytesWritten;
      tunnels.add(count);
      socket.once('close', () => {
        tunnels.delete(count);
        egressBytes += count();
      });
      egress.handle(socket);
    });
  }
  // Not waited for: what comes after it on the same connection is done after it, and a supervisor that has died is seen by the pulse.
  const assign = (): Promise<unknown> =>
    link.request('assign', { ...leaseOf(state), proxy: network.mode !== 'none' });
  (link.isOpen() ? assign() : link.ready.then(assign)).catch(() => undefined);

  const over = (end: SandboxEnd): Promise<void> => {
    if (removal) return removal;
    const work = (async () => {
      clearInterval(pulse);
      clearInterval(disk);
      processes.loseAll('SANDBOX_ENDED');
      link.close();
      await remove();
      ended.resolve(end);
    })();
    removal = work;
    // The next call tries again.
    work.catch(() => {
      removal = null;
    });
    return work;
  };
  const pulse = setInterval(() => {
    // Outer bwrap ends with the supervisor; the inner one would live on as long as any other process does.
    if (!isAlive(state.inner, state.innerStart) || !isAlive(state.pid, state.start))
      over(DIED).catch((error: unknown) => {
        log.error({ err: error, sandbox: state.id }, 'what is left of a sandbox stays on disk');
        ended.resolve(DIED);
      });
  }, WATCH_MS).unref();
  const disk = setInterval(async () => {
    try {
      ({ bytes: diskBytes } = (await link.request('usage')) as { bytes: number });
      if (diskBytes > state.limits.diskBytes) {
        log.warn(
          { sandbox: state.id, diskBytes },
          'sandbox over its disk limit: its processes are killed',
        );
        await link.request('killAll');
      }
    } catch {
      // It is ending; the pulse sees that.
    }
  }, DISK_MS).unref();

  return {
    ref,
    files,
    ended: ended.promise,
    async spawn({ id, argv, cwd, env: own, pty, stdin, timeoutMs }) {
      const { process, setPid } = processes.open(id, 0);
      const { pid } = (await link.request('spawn', {
        p: id,
        argv,
        cwd,
        env: { ...BASE_ENV, ...(network.mode === 'none' ? {} : PROXY_ENV), ...env, ...own },
        pty,
        stdin,
        timeoutMs,
      })) as { pid: number | null };
      setPid(pid);
      return process;
    },
    async attach(id, after) {
      const { process, setPid } = processes.open(id, after);
      const { pid } = (await link.request('attach', { p: id, after })) as { pid: number | null };
      setPid(pid);
      return process;
    },
    async usage(): Promise<ResourceUsage> {
      const measured = measure();
      ({ bytes: diskBytes } = (await link.request('usage')) as { bytes: number });
      const enforced = cgroup
        ? `cgroup ${limitsKind}`
        : 'not enforced: no writable cgroup on this host';
      return {
        ...measured,
        diskBytes,
        egressBytes: [...tunnels].reduce((sum, count) => sum + count(), egressBytes),
        limits: state.limits,
        enforcement: {
          cpus: enforced,
          memory: enforced,
          processes: cgroup ? enforced : 'rlimit',
          disk: 'rlimit per file; the sum is polled every 3 s',
        },
      };
    },
    ports: {
      async dial(port) {
        const { socket, result } = await link.stream('dial', { port });
        await result;
        return socket;
      },
      list: async () => ((await link.request('ports')) as number[]).map(Number),
    },
    expiry: {
      async extendTo(instant) {
        const moved = { ...state, expiresAt: instant };
        saveState(supervisor.dir, moved);
        state = moved;
        await assign();
      },
    },
    async destroy() {
      await over({ reason: 'destroyed', message: 'Destroyed.' });
    },
    detach() {
      clearInterval(pulse);
      clearInterval(disk);
      link.close();
      if (!removal) processes.loseAll(null);
    },
  };
};

export const unknownSandbox = (ref: string): AppError =>
  new AppError('NOT_FOUND', `The local sandbox ${ref} is gone.`);
