import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import { eachBounded } from '../../lib/bounded.ts';
import type { Sealer } from '../../lib/sealed.ts';
import type { Provider, ResourceLimits } from '../provider.ts';
import { unusedAssets, writeAssets } from './assets.ts';
import { chooseBase } from './base.ts';
import { openCgroups } from './cgroup.ts';
import { createHandle, type LocalHandle, unknownSandbox } from './handle.ts';
import { probeHost } from './probe.ts';
import { isCopied, loadState, NO_ENV, saveState } from './state.ts';
import {
  adoptSupervisor,
  type Grounds,
  removeRemains,
  type Supervisor,
  startSupervisor,
} from './supervisor.ts';
import { openTrash } from './trash.ts';
import { openUids } from './uids.ts';
import { createWarmPool } from './warm.ts';

export type LocalOptions = {
  /** Absolute. Everything of the provider lies below it, or below /var/lib/sandbank where other users cannot reach it. */
  stateDir: string;
  /** Supervisors kept waiting for an assignment, 0: none; and the limits they start with. */
  warm: number;
  warmLimits: ResourceLimits;
  /** A sandbox left without a server for this long ends itself, in milliseconds. */
  leaseMs: number;
  /** For values of variables, which lie in the state of each sandbox. */
  sealer: Sealer;
  log: Logger;
};

/** Leftovers of an earlier server that are removed at once, and how long the server's end waits for removals, in milliseconds. */
const SWEEP_WIDTH = 8;
const TRASH_MS = 3_000;
const REF = /^lcl_[0-9a-f]{20}$/;
const newRef = (): string => `lcl_${randomBytes(10).toString('hex')}`;

export const createLocalProvider = async ({
  stateDir,
  warm,
  warmLimits,
  leaseMs,
  sealer,
  log,
}: LocalOptions): Promise<Provider> => {
  const report = await probeHost();
  const base = chooseBase(stateDir);
  const cgroups = report.ok ? openCgroups() : null;
  const assetsDir = join(base, 'assets');
  const trash = report.ok ? openTrash(join(base, 'trash'), log) : null;
  const grounds: Grounds | null = trash && {
    ...{ base, uids: openUids(), cgroups, trash },
    assets: writeAssets(assetsDir),
  };
  const problems = report.checks
    .filter(({ status }) => status === 'failed')
    .map(({ name, detail, remedy }) => `${name}: ${detail}. ${remedy ?? ''}`.trim());
  const ready = (): Grounds => {
    if (grounds) return grounds;
    throw new AppError(
      'UNAVAILABLE',
      `Local sandboxes do not work on this host. ${problems.join(' ')}`,
      { retryable: false },
    );
  };
  const handles = new Map<string, Promise<LocalHandle>>();
  const folders = (): string[] =>
    existsSync(join(base, 'sandboxes'))
      ? readdirSync(join(base, 'sandboxes')).filter((name) => REF.test(name))
      : [];

  const stateOf = (ref: string) => loadState(join(base, 'sandboxes', ref));
  const isLeftOver = (ref: string): boolean =>
    !stateOf(ref)?.id && !isCopied(join(base, 'sandboxes', ref));

  const wrap = (supervisor: Supervisor): LocalHandle =>
    createHandle({
      supervisor,
      leaseMs,
      limitsKind: cgroups?.kind ?? '',
      sealer,
      log,
      async remove() {
        handles.delete(supervisor.ref);
        await removeRemains(supervisor.dir, supervisor.cgroup, ready());
      },
    });
  /** What nobody waits for: a failure costs disk until the next start, nothing else. */
  const clear = async (ref: string): Promise<void> => {
    try {
      const dir = join(base, 'sandboxes', ref);
      // The group of a copied sandbox is that of its original.
      const cgroup = isCopied(dir) ? null : (cgroups?.open(ref) ?? null);
      await removeRemains(dir, cgroup, ready());
    } catch (error) {
      log.error(
        { err: error, ref },
        'what is left of a sandbox stays on disk until the next start',
      );
    }
  };

  let disposed = false;
  const sweep = async (leftovers: readonly string[]): Promise<void> => {
    await eachBounded(leftovers, SWEEP_WIDTH, async (ref) => (disposed ? undefined : clear(ref)));
    if (!grounds) return;
    try {
      const used = new Set(grounds.assets.folders);
      for (const ref of folders()) for (const name of stateOf(ref)?.assets ?? []) used.add(name);
      for (const folder of unusedAssets(assetsDir, used)) grounds.trash.discard(folder);
    } catch (error) {
      log.warn({ err: error }, 'files of an earlier version stay on disk until the next start');
    }
  };
  // Those that waited for a server that was killed, and what is left of those that ended without one.
  const swept = sweep(grounds ? folders().filter(isLeftOver) : []);
  const waiting = createWarmPool(
    grounds ? warm : 0,
    () => startSupervisor(newRef(), null, warmLimits, ready()),
    async (one) => {
      one.link.close();
      await clear(one.ref);
    },
    log,
  );

  return {
    name: 'local',
    capabilities: {
      reattach: 'replay',
      output: 'bytes',
      pty: 'native',
      stdin: 'native',
      signals: 'group',
      watch: 'native',
      ports: 'tunnel',
      extend: 'native',
      networkPolicies: ['none', 'allow-list', 'full'],
      pause: 'none',
      snapshot: 'none',
      secrets: 'env',
      bound: 'host',
      limits: cgroups ? 'enforced' : 'best-effort',
    },
    health: async () =>
      grounds
        ? { status: 'healthy', reason: null }
        : { status: 'unavailable', reason: problems.join(' ') },
    async create({ id, env, limits, network }) {
      // What is an rlimit is set at the start and cannot be raised.
      const fits =
        limits.diskBytes === warmLimits.diskBytes && limits.processes === warmLimits.processes;
      const supervisor =
        (fits && waiting.take()) || (await startSupervisor(newRef(), id, limits, ready()));
      try {
        if (!isDeepStrictEqual(supervisor.state.limits, limits))
          supervisor.cgroup?.setLimits(limits);
        const sealed = Object.keys(env).length ? sealer.seal(JSON.stringify(env)) : NO_ENV;
        const settings = { env: sealed, network };
        supervisor.state = { ...supervisor.state, id, limits, settings };
        saveState(supervisor.dir, supervisor.state);
        const handle = wrap(supervisor);
        handles.set(supervisor.ref, Promise.resolve(handle));
        return handle;
      } catch (error) {
        supervisor.link.close();
        await clear(supervisor.ref);
        throw error;
      }
    },
    connect(ref) {
      if (!REF.test(ref)) return Promise.reject(unknownSandbox(ref));
      if (disposed)
        return Promise.reject(new AppError('UNAVAILABLE', 'The server is stopping. Try again.'));
      const known = handles.get(ref);
      if (known) return known;
      const adopted = (async () => {
        const supervisor = await adoptSupervisor(ref, ready());
        if (!supervisor) {
          await clear(ref);
          throw unknownSandbox(ref);
        }
        // Its hello is not waited for: it is not trusted to say one, and is destroyed without.
        return wrap(supervisor);
      })();
      handles.set(ref, adopted);
      adopted.catch(() => handles.delete(ref));
      return adopted;
    },
    async list() {
      return folders().flatMap((ref) => {
        const id = stateOf(ref)?.id;
        return id ? [{ ref, id }] : [];
      });
    },
    async dispose() {
      disposed = true;
      await Promise.all([waiting.dispose(), swept]);
      for (const handle of handles.values()) (await handle.catch(() => null))?.detach();
      await trash?.dispose(TRASH_MS);
    },
  };
};
