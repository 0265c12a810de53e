import { readFileSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';

/** Field 22 of /proc/PID/stat: when the process started, in clock ticks since boot. With the pid it names one process for ever. */
const startOf = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
};

/**
 * One server per state directory: two would answer for the same sandboxes. A lock left by a server that was killed is taken over.
 * Resolves with the release. `CONFLICT` while another server lives.
 */
export const lockStateDir = async (dir: string): Promise<() => Promise<void>> => {
  const file = join(dir, 'server.lock');
  const mine = `${process.pid} ${startOf(process.pid)}`;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const handle = await open(file, 'wx', 0o600);
      await handle.writeFile(mine);
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid = '', start = ''] = (await readFile(file, 'utf8').catch(() => '')).split(' ');
    if (pid !== '' && startOf(Number(pid)) === start) {
      throw new AppError(
        'CONFLICT',
        `Another Sandbank server (pid ${pid}) uses the state directory ${dir}. Stop it, or give this one its own SANDBANK_STATE_DIR.`,
      );
    }
    await rm(file, { force: true });
  }
  throw new AppError(
    'CONFLICT',
    `Could not lock the state directory ${dir}: another server is starting in it.`,
  );
};
