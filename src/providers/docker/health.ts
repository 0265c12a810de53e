import { AppError } from '../../errors.ts';
import type { Health } from '../types/provider.ts';
import type { DockerSettings } from './config.ts';
import { type Engine, get } from './engine.ts';

/** Whether the engine answers and has the images; what it lacks is told with the command that mends it. */
export const checkHealth = async (
  engine: Engine,
  { templates }: DockerSettings,
  signal: AbortSignal,
): Promise<Health> => {
  const { call, socketPath } = engine;
  const missing: string[] = [];
  try {
    await call('answer a ping', (options) => get(engine, '/_ping', options), signal);
    for (const image of new Set(Object.values(templates))) {
      await call(
        'look for an image',
        (options) => get(engine, `/images/${image}/json`, options),
        signal,
      ).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
        missing.push(image);
      });
    }
  } catch (error) {
    return {
      status: 'unavailable',
      reason: error instanceof Error ? error.message : String(error),
    };
  }
  if (missing.length === 0) return { status: 'healthy', reason: null };
  const pulls = missing.map((image) => `\`docker pull ${image}\``).join(', ');
  return {
    status: missing.includes(templates.default ?? '') ? 'unavailable' : 'degraded',
    reason: `The container engine at ${socketPath} lacks images of templates. Run ${pulls} (with podman: \`podman pull\`).`,
  };
};
