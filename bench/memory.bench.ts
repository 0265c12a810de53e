import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, createSandbox } from './client.ts';
import { residentKib } from './cpu.ts';
import { launchSandbank } from './launch.ts';
import { type Row, round, row } from './measure.ts';

const COUNT = 200;

const availableKib = (): number =>
  Number(/MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);

const EXEC =
  'mutation ($input: ExecInput!) { exec(input: $input) { __typename ... on Error { message } ... on ExecPayload { exitCode } } }';

/** 200 local sandboxes at once on this machine, idle. */
export const run = async (): Promise<Row[]> => {
  const server = await launchSandbank({ SANDBANK_WARM_SANDBOXES: '0' });
  try {
    await createSandbox(server);
    const [memory, resident] = [availableKib(), residentKib(server.pid)];
    const start = performance.now();
    const ids: string[] = [];
    for (let index = 0; index < COUNT; index += 10) {
      ids.push(...(await Promise.all(Array.from({ length: 10 }, () => createSandbox(server)))));
    }
    const took = (performance.now() - start) / 1_000;
    await sleep(3_000);
    const each = (memory - availableKib()) / COUNT / 1_024;
    const own = (residentKib(server.pid) - resident) / COUNT / 1_024;
    let alive = 0;
    for (const sandboxId of ids) {
      const { exec } = await call<{ exec: { exitCode: number } }>(server, EXEC, {
        input: { sandboxId, argv: ['true'] },
      });
      if (exec.exitCode === 0) alive += 1;
    }
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
