import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findBinary } from './binaries.ts';

const recipe = join(import.meta.dirname, 'base-image.sh');

/** Where slow things are kept from one run to the next, each in a folder named by what it was made from. */
const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sandbank');

export type BaseImage = {
  name: string;
  /** The read-only image store that holds it. */
  store: string;
};

/** The base image for containers, built unless the cache has it. */
export const prepareBaseImage = async (): Promise<BaseImage> => {
  const hash = createHash('sha256')
    .update(readFileSync(recipe))
    .update(process.arch)
    .digest('hex')
    .slice(0, 16);
  const image = {
    name: `localhost/sandbank-test:${hash}`,
    store: join(cacheFolder(), 'images', hash),
  };
  await findBinary('mmdebstrap');
  const child = spawn('sh', [recipe, image.store, image.name], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('exit', resolve);
  });
  if (code !== 0)
    throw new Error(`The base image for containers could not be built (exit code ${code}).`);
  return image;
};
