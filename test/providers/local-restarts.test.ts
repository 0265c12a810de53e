import { readdirSync } from 'node:fs';
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  type MutationAnswer,
  type MutationField,
  mutate,
  newSandbox,
  OUTPUT,
  overWebSocket,
} from '../helpers/client.ts';
import { freePort, type Launched, launch, launchedServer } from '../helpers/launch.ts';

/** A copy of the program whose files can be changed as an upgrade changes them. */
const copyProgram = async (): Promise<string> => {
  const copy = await mkdtemp(join(tmpdir(), 'sandbank-program-'));
  for (const name of ['src', 'schema', 'package.json'])
    await cp(name, join(copy, name), { recursive: true });
  await mkdir(join(copy, 'node_modules'));
  for (const name of await readdir('node_modules'))
    if (name !== '@lydell')
      await symlink(resolve('node_modules', name), join(copy, 'node_modules', name));
  await cp('node_modules/@lydell', join(copy, 'node_modules/@lydell'), { recursive: true });
  return copy;
};

/** The same native module with other bytes, written over the old file as `cp` does it: whoever has that file mapped dies. */
const overwrite = async (file: string): Promise<void> => {
  const bytes = await readFile(file);
  const handle = await open(file, 'w');
  await sleep(50);
  await handle.writeFile(Buffer.concat([bytes, Buffer.from('\0')]));
  await handle.close();
};

describe('sandboxes over restarts of their server', () => {
  let program = '';
  let stateDir = '';
  let port = 0;
  let running: Launched | null = null;
  let server = launchedServer(0);
  let sandboxId = '';
  let ticking = '';
  const terminals: string[] = [];
  const start = async (): Promise<void> => {
    running = await launch(stateDir, port, join(program, 'src/main.ts'));
  };

  beforeAll(async () => {
    program = await copyProgram();
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-restarts-'));
    port = await freePort();
    server = launchedServer(port);
    await start();
    sandboxId = await newSandbox(server, {});
    const command = 'while sleep 0.1; do echo tick; done';
    ticking = (await mutate(server, 'startProcess', 'process { id }', { sandboxId, command }))
      .process.id;
  });
  afterAll(async () => {
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await running?.kill('SIGTERM');
    for (const dir of [program, stateDir]) await rm(dir, { recursive: true, force: true });
  });

  /** What is refused for the moment, because the server has just started, is tried again. */
  const patiently = async <Field extends MutationField>(
    field: Field,
    selection: string,
    input: object,
  ): Promise<MutationAnswer<Field>> => {
    for (;;) {
      const answer = await mutate(server, field, selection, input);
      if (!('retryable' in answer && answer.retryable)) return answer;
      await sleep(100);
    }
  };
  const newTerminal = async (): Promise<void> => {
    const answer = await mutate(server, 'createTerminal', 'terminal { id }', { sandboxId });
    expect(answer).toMatchObject({ __typename: 'TerminalPayload' });
    terminals.push(answer.terminal.id);
  };
  /** Everything answers: the shells of all terminals compute, and the process goes on. */
  const expectAlive = async (round: number): Promise<void> => {
    for (const terminalId of terminals) {
      const query = OUTPUT.replace('processOutput(processId:', 'terminalOutput(terminalId:');
      const answer = await patiently('writeTerminal', 'terminal { id }', {
        terminalId,
        text: `echo round $((1000 + ${round}))\r`,
      });
      expect(answer).toMatchObject({ __typename: 'TerminalPayload' });
      let text = '';
      for await (const { data } of overWebSocket(server, query, { id: terminalId })) {
        expect(data.terminalOutput.__typename).toBe('ProcessOutput');
        text += data.terminalOutput.text;
        if (text.includes(`round ${1000 + round}`)) break;
      }
    }
    let ticks = 0;
    for await (const { data } of overWebSocket(server, OUTPUT, { id: ticking })) {
      expect(data.processOutput.__typename).toBe('ProcessOutput');
      ticks += data.processOutput.text.split('\n').length - 1;
      if (ticks > round * 5) break;
    }
    const state = await ask(server, 'query ($id: ID!) { sandbox(id: $id) { state } }', {
      id: sandboxId,
    });
    expect(state.sandbox.state).toBe('READY');
  };

  const assets = (): string[] =>
    readdirSync(join(stateDir, 'local', 'assets')).filter((name) => /^[0-9a-f]{16}$/.test(name));

  it('lose no terminal and no process, whether it is stopped or killed', async () => {
    await newTerminal();
    await expectAlive(0);
    let round = 0;
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL'] as const) {
      await running?.kill(signal);
      await start();
      await newTerminal();
      round += 1;
      await expectAlive(round);
    }
    expect(assets()).toHaveLength(1);
  }, 120_000);

  it('go on with the files they were started with when the server is upgraded', async () => {
    const native = readdirSync(join(program, 'node_modules/@lydell')).find(
      (name) => name !== 'node-pty',
    );
    const [before] = assets();
    let round = 10;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await running?.kill(signal);
      await overwrite(join(program, 'node_modules/@lydell', native ?? '', 'pty.node'));
      await appendFile(join(program, 'src/providers/local/agent/main.ts'), '\n// another\n');
      await start();
      await newTerminal();
      round += 1;
      await expectAlive(round);
    }
    // The one that the sandbox uses and the newest; what came between them was used by no one.
    await expect.poll(assets, { timeout: 10_000 }).toHaveLength(2);
    expect(assets()).toContain(before);
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await running?.kill('SIGTERM');
    await start();
    await expect.poll(assets, { timeout: 10_000 }).toHaveLength(1);
  }, 120_000);
});
