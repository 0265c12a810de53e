import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSandbox } from './client.ts';
import { residentKib } from './cpu.ts';
import { launchSandbank } from './launch.ts';
import { type Row, round, row } from './measure.ts';

const COUNT = 200;

const availableKib = (): number =>
  Number(/MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
const bwraps = (): number =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'bwrap';
    } catch {
      return false;
    }
  }).length;

/** 200 local sandboxes at once on this machine, idle. */
export const run = async (): Promise<Row[]> => {
  const server = await launchSandbank({ SANDBANK_WARM_SANDBOXES: '0' });
  try {
    await createSandbox(server);
    const [memory, processes, resident] = [availableKib(), bwraps(), residentKib(server.pid)];
    const start = performance.now();
    const ids: string[] = [];
    for (let index = 0; index < COUNT; index += 10) {
      ids.push(...(await Promise.all(Array.from({ length: 10 }, () => createSandbox(server)))));
    }
    const took = (performance.now() - start) / 1_000;
    await sleep(3_000);
    const each = (memory - availableKib()) / COUNT / 1_024;
    const own = (residentKib(server.pid) - resident) / COUNT / 1_024;
    const alive = (bwraps() - processes) / 2;
    return [
      row(
        '200 local sandboxes at once, created 10 at a time',
        `${ids.length} created in ${round(took, 1)} s, ${alive} alive`,
        '200',
        alive >= COUNT,
      ),
      row(
        'memory per idle local sandbox (available memory of the machine)',
        `${round(each, 1)} MiB, of which ${round(own, 2)} MiB in the server`,
      ),
    ];
  } finally {
    await server.stop();
  }
};
