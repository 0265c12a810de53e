import { call, createSandbox } from './client.ts';
import { launchSandbank } from './launch.ts';
import { openLocal } from './local.ts';
import { quantile, type Row, round, row, timed } from './measure.ts';

const WARM_UP = 100;
const SAMPLES = 400;

const EXEC =
  'mutation ($input: ExecInput!) { exec(input: $input) { __typename ... on Error { message } ... on ExecPayload { exitCode } } }';

/** What the API adds to a command: exec through GraphQL against the same isolated spawn called directly, taking turns. */
export const run = async (): Promise<Row[]> => {
  const server = await launchSandbank();
  const local = await openLocal();
  const direct: number[] = [];
  const through: number[] = [];
  try {
    const sandboxId = await createSandbox(server);
    const handle = await local.create();
    for (let index = 0; index < WARM_UP + SAMPLES; index += 1) {
      const plain = await timed(() => local.runTrue(handle, `prc_bench${index}`));
      const api = await timed(() => call(server, EXEC, { input: { sandboxId, argv: ['true'] } }));
      if (index < WARM_UP) continue;
      direct.push(plain);
      through.push(api);
    }
    await handle.destroy();
  } finally {
    await Promise.all([server.stop(), local.dispose()]);
  }
  const [a, b] = [quantile(direct, 0.5), quantile(through, 0.5)];
  return [
    row(
      'exec("true") through GraphQL, added to the direct isolated spawn, p50',
      `${round(b - a)} ms (${round(b)} − ${round(a)})`,
      '≤ 3 ms',
      b - a <= 3,
    ),
  ];
};
