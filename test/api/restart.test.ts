import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mutate, newSandbox, OUTPUT, overWebSocket, type ProcessEvent } from '../helpers/client.ts';
import { freePort, launch, launchedServer } from '../helpers/launch.ts';

const PROCESSES = 50;
const LINES = 400;

describe('a server that is killed', () => {
  let running: Awaited<ReturnType<typeof launch>> | null = null;
  afterAll(() => running?.kill('SIGTERM'));

  it(`loses nothing and says nothing twice, with ${PROCESSES} processes streaming`, async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-restart-'));
    const port = await freePort();
    const server = launchedServer(port);
    running = await launch(stateDir, port);
    const sandboxId = await newSandbox(server, { processes: 300 });
    const script = `for i in {1..${LINES}}; do echo "$0 line $i é"; [ $((i % 8)) = 0 ] && sleep 0.1; done; exit 3`;
    const ids: string[] = await Promise.all(
      Array.from(
        { length: PROCESSES },
        async (_, index) =>
          (
            await mutate(server, 'startProcess', 'process { id }', {
              sandboxId,
              argv: ['bash', '-c', script, String(index)],
            })
          ).process.id,
      ),
    );
    const seen = ids.map(() => ({
      text: '',
      cursor: null as string | null,
      exits: [] as ProcessEvent[],
    }));
    const follow = async (index: number): Promise<void> => {
      const one = seen[index];
      if (!one) return;
      try {
        for await (const { data, errors } of overWebSocket(server, OUTPUT, {
          id: ids[index],
          after: one.cursor,
        })) {
          if (errors) throw new Error(JSON.stringify(errors));
          const event = data.processOutput;
          expect(event.__typename).not.toBe('OutputGap');
          one.text += event.text ?? '';
          one.cursor = event.cursor;
          if (event.kind) one.exits.push(event);
        }
      } catch (error) {
        // The socket of the killed server; everything else is a failure.
        if (
          !/1006|ECONN|socket hang up|closed/i.test(
            String((error as Error).message ?? (error as { reason?: string }).reason ?? ''),
          ) &&
          !(error as { code?: number }).code
        )
          throw error;
      }
    };
    let followers = Promise.all(ids.map((_, index) => follow(index)));
    for (let kill = 0; kill < 2; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 900));
      await running.kill('SIGKILL');
      await followers;
      await new Promise((resolve) => setTimeout(resolve, 500));
      running = await launch(stateDir, port);
      followers = Promise.all(ids.map((_, index) => follow(index)));
    }
    await followers;
    seen.forEach(({ text, exits }, index) => {
      expect(text).toBe(
        Array.from({ length: LINES }, (_, line) => `${index} line ${line + 1} é\n`).join(''),
      );
      expect(exits).toMatchObject([{ kind: 'EXITED', exitCode: 3 }]);
    });
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
  }, 120_000);
});
