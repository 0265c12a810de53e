import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from './write-whole.ts';

/** The label that vendors keep with our sandboxes: random, made once, kept in the state directory. */
export const readDeployment = (stateDir: string): string => {
  const file = join(stateDir, 'deployment');
  try {
    const known = readFileSync(file, 'utf8').trim();
    if (/^[0-9a-f]{32}$/.test(known)) return known;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = randomBytes(16).toString('hex');
  writeWhole(file, `${made}\n`);
  return made;
};
