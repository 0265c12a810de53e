import { AppError } from '../errors.ts';
import type { Ceilings, Rights } from './role.ts';

/**
 * What a caller gets of something that its role limits. Nothing requested: the default, or the ceiling if that is lower. More requested
 * than the ceiling: `LIMIT_EXCEEDED` that names the limit, or the ceiling for a role that clamps. Undefined: no limit at all.
 */
export const applyCeiling = <Value extends number | undefined>(
  { ceilings, overCeiling }: Rights,
  limit: keyof Ceilings,
  requested: number | undefined,
  fallback: Value,
): number | Value => {
  const maximum = ceilings[limit];
  if (maximum === undefined) return requested ?? fallback;
  if (requested === undefined) return Math.min(fallback ?? maximum, maximum);
  if (requested <= maximum || overCeiling === 'clamp') return Math.min(requested, maximum);
  throw new AppError(
    'LIMIT_EXCEEDED',
    `The role allows ${limit} up to ${maximum}, but ${requested} was requested. Request less, or use a token with another role.`,
    { details: { limit, maximum, requested } },
  );
};
