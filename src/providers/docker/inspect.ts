import type { HostReport } from '../types/host-report.ts';
import { type DockerVariables, toSettings } from './config.ts';
import { openEngine } from './engine.ts';
import { checkHealth } from './health.ts';

const LIMIT_MS = 10_000;
const MARKS = { healthy: 'ok', degraded: 'warning', unavailable: 'failed' } as const;

/** Whether the engine answers, and has the images. */
export const inspect = async (values: DockerVariables): Promise<HostReport> => {
  const settings = toSettings(values);
  const { status, reason } = await checkHealth(
    openEngine(settings.socketPath),
    settings,
    AbortSignal.timeout(LIMIT_MS),
  );
  const detail = reason ?? `${settings.socketPath} answers, and has the images of all templates`;
  return {
    ok: status !== 'unavailable',
    checks: [{ name: 'container engine', status: MARKS[status], detail, remedy: null }],
  };
};
