import { setTimeout as sleep } from 'node:timers/promises';
import { createSandbox, type Endpoint } from './client.ts';
import { launchSandbank } from './launch.ts';
import { quantile, type Row, round, row, timed } from './measure.ts';

const COUNT = 50;

type Pattern = (server: Endpoint) => Promise<number[]>;

const one = (server: Endpoint): Promise<number> => timed(() => createSandbox(server));

const patterns: Record<string, Pattern> = {
  async sequential(server) {
    const times: number[] = [];
    for (let index = 0; index < COUNT; index += 1) times.push(await one(server));
    return times;
  },
  async 'staggered 200 ms'(server) {
    const running: Promise<number>[] = [];
    for (let index = 0; index < COUNT; index += 1) {
      running.push(one(server));
      await sleep(200);
    }
    return Promise.all(running);
  },
  'burst of 50': (server) => Promise.all(Array.from({ length: COUNT }, () => one(server))),
};

const measure = async (warm: number): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const [name, pattern] of Object.entries(patterns)) {
    const server = await launchSandbank({ SANDBANK_WARM_SANDBOXES: String(warm) });
    try {
      // Long enough for the waiting supervisors to be there.
      await sleep(500 + warm * 80);
      const times = await pattern(server);
      const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
      rows.push(
        row(
          `createSandbox, ${name}, ${warm} kept warm: p50 / p99`,
          `${round(p50, 1)} / ${round(p99, 1)} ms`,
          '≤ 40 / ≤ 150 ms',
          p50 <= 40 && p99 <= 150,
        ),
      );
    } finally {
      await server.stop();
    }
  }
  return rows;
};

/** Cold: every sandbox starts its supervisor. Warm: enough supervisors wait for the burst. */
export const run = async (): Promise<Row[]> => [
  ...(await measure(0)),
  ...(await measure(4)),
  ...(await measure(COUNT)),
];
