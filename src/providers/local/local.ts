import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import type { Sealer } from '../../lib/sealed.ts';
import type { Provider, ResourceLimits } from '../provider.ts';
import { writeAssets } from './assets.ts';
import { chooseBase } from './base.ts';
import { openCgroups } from './cgroup.ts';
import { createHandle, type LocalHandle, unknownSandbox } from './handle.ts';
import { probeHost } from './probe.ts';
import { loadState, NO_ENV, saveState } from './state.ts';
import {
  adoptSupervisor,
  type Grounds,
  removeRemains,
  type Supervisor,
  startSupervisor,
} from './supervisor.ts';
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
  const grounds: Grounds | null = report.ok
    ? { base, assets: writeAssets(join(base, 'assets')), uids: openUids(), cgroups }
    : null;
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

  const wrap = (supervisor: Supervisor): LocalHandle =>
    createHandle({
      supervisor,
      leaseMs,
      limitsKind: cgroups?.kind ?? '',
      sealer,
      log,
      async remove() {
        handles.delete(supervisor.ref);
        await removeRemains(supervisor.dir, supervisor.cgroup, ready().uids);
      },
    });

  if (grounds) {
    // Those that waited for a server that was killed, and what is left of those that ended without one.
    for (const ref of folders()) {
      const state = loadState(join(base, 'sandboxes', ref));
      if (!state?.id)
        await removeRemains(join(base, 'sandboxes', ref), cgroups?.open(ref) ?? null, grounds.uids);
    }
  }
  const waiting = createWarmPool(
    grounds ? warm : 0,
    () => startSupervisor(newRef(), null, warmLimits, ready()),
    async (one) => {
      one.link.close();
      await removeRemains(one.dir, one.cgroup, ready().uids);
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
        await removeRemains(supervisor.dir, supervisor.cgroup, ready().uids);
        throw error;
      }
    },
    connect(ref) {
      if (!REF.test(ref)) return Promise.reject(unknownSandbox(ref));
      const known = handles.get(ref);
      if (known) return known;
      const adopted = (async () => {
        const supervisor = await adoptSupervisor(ref, ready());
        if (!supervisor) {
          const dir = join(base, 'sandboxes', ref);
          await removeRemains(dir, cgroups?.open(ref) ?? null, ready().uids);
          throw unknownSandbox(ref);
        }
        await supervisor.link.ready;
        return wrap(supervisor);
      })();
      handles.set(ref, adopted);
      adopted.catch(() => handles.delete(ref));
      return adopted;
    },
    async list() {
      return folders().flatMap((ref) => {
        const id = loadState(join(base, 'sandboxes', ref))?.id;
        return id ? [{ ref, id }] : [];
      });
    },
    async dispose() {
      await waiting.dispose();
      for (const handle of handles.values()) (await handle.catch(() => null))?.detach();
    },
  };
};
