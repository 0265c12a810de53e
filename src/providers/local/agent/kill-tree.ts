import { readdirSync, readFileSync } from 'node:fs';

const MAX_ROUNDS = 50;

const environ = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
};

/** SIGKILLs the process group and every process that inherited the id in its environment, also one that made a session of its own. */
export const killTree = (pid: number | null, id: string): void => {
  const kill = (target: number): void => {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // Gone already.
    }
  };
  if (pid !== null) kill(-pid);
  // Until none is left: what forks faster than one look must lose against many.
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const found = readdirSync('/proc').filter(
      (name) =>
        /^\d+$/.test(name) &&
        Number(name) !== process.pid &&
        environ(name).includes(`SANDBANK_PROCESS_ID=${id}\0`),
    );
    if (found.length === 0) return;
    for (const name of found) kill(Number(name));
  }
};
