import type { Logger } from 'pino';
import type { Sealer } from '../../lib/sealed.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { VendorProcess } from '../types/process.ts';
import type { ResourceUsage } from '../types/sandbox.ts';
import { openDiskMeter } from './disk-meter.ts';
import { serveEgress } from './egress-meter.ts';
import { environmentOf } from './environment.ts';
import { createFiles } from './files.ts';
import { watchLifetime } from './lifetime.ts';
import type { Link } from './link.ts';
import { openProcUsage } from './proc-usage.ts';
import { createProcessTable } from './process.ts';
import { type SupervisorState, saveState } from './state.ts';
import type { Supervisor } from './supervisor.ts';

/** How long a sandbox goes on without a server, at most, in milliseconds. */
const LEASE_MS = 24 * 3_600_000;
/** A supervisor of an earlier version knows no instant, only how long to wait. */
const leaseOf = ({ expiresAt }: SupervisorState): { leaseMs: number; expiresAt?: number } =>
  expiresAt === undefined
    ? { leaseMs: LEASE_MS }
    : { leaseMs: Math.min(Math.max(expiresAt - Date.now(), 1_000), LEASE_MS), expiresAt };

/** Tells the supervisor how long it may go on without a server, and whether there is a way out. */
const assign = (link: Link, state: SupervisorState): Promise<unknown> =>
  link.request('assign', { ...leaseOf(state), proxy: state.settings.network.mode !== 'none' });

/** Who holds each limit. */
const enforcementOf = (hasCgroup: boolean, limitsKind: string): ResourceUsage['enforcement'] => {
  const enforced = hasCgroup
    ? `cgroup ${limitsKind}`
    : 'not enforced: no writable cgroup on this host';
  return {
    cpus: enforced,
    memory: enforced,
    processes: hasCgroup ? enforced : 'rlimit',
    disk: 'rlimit per file; the sum is polled every 3 s',
  };
};

export type LocalHandle = VendorHandle & { detach(): void };

export type HandleOptions = {
  supervisor: Supervisor;
  limitsKind: string;
  sealer: Sealer;
  log: Logger;
  /** Removes everything of the sandbox; called again when it failed. */
  remove(): Promise<void>;
  /** A later connect needs a handle of its own. */
  onDetach(): void;
};

export const createHandle = ({
  supervisor,
  limitsKind,
  sealer,
  log,
  remove,
  onDetach,
}: HandleOptions): LocalHandle => {
  const { link, cgroup, ref } = supervisor;
  let { state } = supervisor;
  const { network } = state.settings;
  const own = JSON.parse(sealer.unseal(state.settings.env)) as Record<string, string>;
  const environment = environmentOf(network, own);
  const processes = createProcessTable(link);
  const measure = cgroup ? () => cgroup.usage() : openProcUsage(state.inner);
  const egressBytes = serveEgress(link, network, log);
  // Not waited for: what comes after it on the same connection is done after it, and a supervisor that has died is seen by `lifetime`.
  (link.isOpen() ? assign(link, state) : link.ready.then(() => assign(link, state))).catch(
    () => undefined,
  );
  const disk = openDiskMeter(link, state, log);
  const lifetime = watchLifetime(
    state,
    async () => {
      disk.stop();
      processes.loseAll('SANDBOX_ENDED');
      link.close();
      await remove();
    },
    log,
  );

  const opened = async (
    op: 'spawn' | 'attach',
    fields: { p: string; [name: string]: unknown },
    after: number,
  ): Promise<VendorProcess> => {
    const { process, setPid, drop } = processes.open(fields.p, after);
    try {
      const { pid } = (await link.request(op, fields)) as { pid: number | null };
      setPid(pid);
      return process;
    } catch (error) {
      drop();
      throw error;
    }
  };

  return {
    ref,
    files: createFiles(link, disk.isExceeded),
    ended: lifetime.ended,
    spawn({ id, argv, cwd, env, pty, stdin, timeoutMs }) {
      const options = { argv, cwd, env: { ...environment, ...env }, pty, stdin, timeoutMs };
      return opened('spawn', { p: id, ...options }, 0);
    },
    attach: (id, after) => opened('attach', { p: id, after }, after),
    async usage(): Promise<ResourceUsage> {
      return {
        ...measure(),
        diskBytes: await disk.measure(),
        egressBytes: egressBytes(),
        limits: state.limits,
        enforcement: enforcementOf(cgroup !== null, limitsKind),
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
        await assign(link, state);
      },
    },
    async destroy() {
      await lifetime.end({ reason: 'destroyed', message: 'Destroyed.' });
    },
    detach() {
      onDetach();
      lifetime.detach();
      disk.stop();
      link.close();
      if (!lifetime.isEnding()) processes.loseAll(null);
    },
  };
};
