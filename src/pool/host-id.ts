import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
};

/**
 * Names the machine, the same after each boot: as configured, else from the machine id of the operating system (hashed, as its manual asks),
 * else made once and kept in the state directory.
 */
export const hostIdOf = (stateDir: string, configured: string | undefined): string => {
  if (configured !== undefined) return configured;
  const machine = read('/etc/machine-id');
  if (machine)
    return createHmac('sha256', 'sandbank host').update(machine).digest('hex').slice(0, 32);
  const file = join(stateDir, 'host-id');
  const kept = read(file);
  if (kept) return kept;
  const made = randomBytes(16).toString('hex');
  writeFileSync(file, made, { mode: 0o600 });
  return made;
};
