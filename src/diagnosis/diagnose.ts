import type { Pool } from '../pool/pool.ts';
import type { NetworkMode } from '../providers/types/capabilities.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Sandbox } from '../store/types/sandbox.ts';

export type DiagnosisStatus = 'OK' | 'WARNING' | 'FAILED';
export type Diagnosis = {
  name: string;
  status: DiagnosisStatus;
  detail: string;
  remedy: string | null;
};

const NEARLY = 0.9;
const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

const checkShare = (
  name: string,
  used: number | null,
  limit: number,
  format: (value: number) => string,
  remedy: string,
): Diagnosis => {
  if (used === null)
    return { name, status: 'OK', detail: 'The provider does not measure it.', remedy: null };
  const high = used >= limit * NEARLY;
  return {
    name,
    status: high ? 'WARNING' : 'OK',
    detail: `${format(used)} of ${format(limit)}`,
    remedy: high ? remedy : null,
  };
};

const checkInside = async (handle: SandboxHandle): Promise<Diagnosis[]> => {
  const usage = await handle.usage();
  const { limits } = usage;
  return [
    { name: 'connection', status: 'OK', detail: 'The sandbox answers.', remedy: null },
    checkShare(
      'memory',
      usage.memoryBytes,
      limits.memoryBytes,
      mib,
      'Create the sandbox with more memory.',
    ),
    checkShare(
      'disk',
      usage.diskBytes,
      limits.diskBytes,
      mib,
      'Remove files, or create the sandbox with more disk.',
    ),
    checkShare(
      'processes',
      usage.processes,
      limits.processes,
      String,
      'End processes that are not needed.',
    ),
  ];
};

const networks: Readonly<Record<NetworkMode, string>> = {
  none: 'There is no network: nothing outside can be reached.',
  'allow-list': 'Only the hosts of its allow-list can be reached.',
  full: 'Public addresses can be reached.',
};

/** Checks that show why something in a sandbox may not work, from the outside in. */
export const diagnose = async (sandbox: Sandbox, pool: Pool): Promise<Diagnosis[]> => {
  const ready = sandbox.state === 'READY';
  const health = await pool.health(pool.providerOf(sandbox));
  const outside: Diagnosis[] = [
    {
      name: 'state',
      status: ready ? 'OK' : 'FAILED',
      detail: `${sandbox.state}${sandbox.terminationMessage ? `: ${sandbox.terminationMessage}` : ''}`,
      remedy: ready ? null : 'Create a new sandbox.',
    },
    {
      name: 'provider',
      status: health.status === 'healthy' ? 'OK' : 'WARNING',
      detail: health.reason ?? 'healthy',
      remedy: health.reason,
    },
    {
      name: 'network',
      status: 'OK',
      detail: networks[sandbox.networkMode],
      remedy: null,
    },
  ];
  if (!ready) return outside;
  const inside = await pool
    .handle(sandbox)
    .then(checkInside)
    .catch((error: Error): Diagnosis[] => [
      {
        name: 'connection',
        status: 'FAILED',
        detail: error.message,
        remedy: 'Destroy the sandbox and create a new one.',
      },
    ]);
  return [...outside, ...inside];
};
