import { AppError } from '../errors.ts';
import type { Ceilings, Rights } from './role.ts';

/**
 * What a caller gets of something a role limits. Not asked for: the default, cut to the ceiling. Asked for more than the ceiling:
 * `LIMIT_EXCEEDED` that names the limit, or the ceiling where the role clamps. Undefined: no limit at all.
 */
export const applyCeiling = <Value extends number | undefined>(
  { ceilings, overCeiling }: Rights,
  limit: keyof Ceilings,
  asked: number | undefined,
  fallback: Value,
): number | Value => {
  const maximum = ceilings[limit];
  if (maximum === undefined) return asked ?? fallback;
  if (asked === undefined) return Math.min(fallback ?? maximum, maximum);
  if (asked <= maximum || overCeiling === 'clamp') return Math.min(asked, maximum);
  throw new AppError(
    'LIMIT_EXCEEDED',
    `The role allows ${limit} up to ${maximum}, not ${asked}. Ask for less, or for a token with another role.`,
    { details: { limit, maximum, requested: asked } },
  );
};
