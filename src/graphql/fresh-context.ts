import { initContextCache } from '@pothos/core';
import type { Context } from './context.ts';

/** The same caller with empty loader caches: what one event of a subscription, or one operation, sees is as of now. */
export const freshContext = (context: Context): Context =>
  Object.assign(Object.create(context) as Context, initContextCache());
