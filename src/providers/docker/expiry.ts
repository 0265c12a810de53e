import { AppError } from '../../errors.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { Engine } from './engine.ts';
import { nameOf } from './labels.ts';
import { EXTEND } from './scripts.ts';
import { ask } from './session.ts';

/** The first process of the container keeps the time; the name of the container tells it to whoever lists. */
export const createExpiry = (
  engine: Engine,
  ref: string,
  id: string,
): NonNullable<VendorHandle['expiry']> => ({
  async extendTo(instant, signal) {
    const seconds = Math.max(1, Math.ceil((instant - Date.now()) / 1_000));
    if ((await ask(engine, ref, EXTEND, [String(seconds)], signal)) !== 'done')
      throw new AppError('UNAVAILABLE', 'The container did not take its new expiration time.');
    const name = nameOf(id, instant);
    await engine.call(
      'rename a container',
      (aborting) => engine.docker.getContainer(ref).rename({ ...aborting, name }),
      signal,
    );
  },
});
