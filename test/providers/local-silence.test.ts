import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadState, type SupervisorState } from '../../src/providers/local/state.ts';
import { ask, mutate, newSandbox, OUTPUT, overWebSocket } from '../helpers/client.ts';
import { freePort, type Launched, launch, launchedServer } from '../helpers/launch.ts';

describe('a sandbox whose supervisor is stopped while the server starts again', () => {
  let stateDir = '';
  let port = 0;
  let running: Launched | null = null;
  let server = launchedServer(0);
  const ids = { silent: '', doomed: '', well: '', fresh: '' };
  let ticking = '';
  const stopped: number[] = [];

  const sandboxes = (): SupervisorState[] =>
    readdirSync(join(stateDir, 'local', 'sandboxes')).flatMap(
      (ref) => loadState(join(stateDir, 'local', 'sandboxes', ref)) ?? [],
    );
  /** A child of the first process inside, which is bwrap. */
  const supervisorOf = (id: string): number => {
    const { inner } = sandboxes().find((state) => state.id === id) as SupervisorState;
    const below = (pid: number): number[] =>
      readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
        .split(' ')
        .filter(Boolean)
        .map(Number);
    return [inner, ...below(inner)].find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/opt/sandbank/bin/node\0'),
    ) as number;
  };
  const exec = (sandboxId: string) =>
    mutate(server, 'exec', 'process { exitCode }', { sandboxId, argv: ['true'] });

  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-silence-'));
    port = await freePort();
    server = launchedServer(port);
    running = await launch(stateDir, port);
    for (const name of ['silent', 'doomed', 'well'] as const) ids[name] = await newSandbox(server);
    const command = 'while sleep 0.1; do echo tick; done';
    const started = await mutate(server, 'startProcess', 'process { id }', {
      sandboxId: ids.silent,
      command,
    });
    ticking = started.process.id;
    await running.kill('SIGKILL');
    for (const name of ['silent', 'doomed'] as const) {
      const pid = supervisorOf(ids[name]);
      process.kill(pid, 'SIGSTOP');
      stopped.push(pid);
    }
    running = await launch(stateDir, port);
  }, 60_000);
  afterAll(async () => {
    for (const sandboxId of Object.values(ids))
      await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await running?.kill('SIGTERM');
    await rm(stateDir, { recursive: true, force: true });
  });

  it('holds up neither the start nor the other sandboxes', async () => {
    expect(await exec(ids.well)).toMatchObject({ process: { exitCode: 0 } });
    ids.fresh = await newSandbox(server);
    expect(await exec(ids.fresh)).toMatchObject({ process: { exitCode: 0 } });
  });

  it('answers UNAVAILABLE within a limit, and the caller may retry', async () => {
    expect(await exec(ids.silent)).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    const { process } = await ask(server, 'query ($id: ID!) { process(id: $id) { state } }', {
      id: ticking,
    });
    expect(process.state).toBe('RUNNING');
    for (const [field, input] of [
      ['writeStdin', { processId: ticking, text: 'x' }],
      ['signalProcess', { processId: ticking, signal: 'SIGTERM' }],
    ] as const)
      expect(await mutate(server, field, '__typename', input)).toMatchObject({
        code: 'UNAVAILABLE',
        retryable: true,
      });
  }, 60_000);

  it('is destroyed without its help', async () => {
    const answer = await mutate(server, 'destroySandbox', 'sandbox { state }', {
      sandboxId: ids.doomed,
    });
    expect(answer).toMatchObject({ sandbox: { state: 'TERMINATED' } });
    expect(sandboxes().map(({ id }) => id)).not.toContain(ids.doomed);
  });

  it('goes on when it goes on, and what it said meanwhile is there', async () => {
    process.kill(stopped[0] as number, 'SIGCONT');
    for (let answer = await exec(ids.silent); answer.retryable; answer = await exec(ids.silent))
      await sleep(200);
    const { text } = await (async () => {
      let text = '';
      for await (const { data } of overWebSocket(server, OUTPUT, { id: ticking })) {
        expect(data.processOutput.__typename).toBe('ProcessOutput');
        text += data.processOutput.text;
        if (text.length > 200 * 'tick\n'.length) break;
      }
      return { text };
    })();
    expect(text).toMatch(/^(tick\n)+$/);
    const input = { processId: ticking, signal: 'SIGKILL' };
    expect(await mutate(server, 'signalProcess', '__typename', input)).toMatchObject({
      __typename: 'ProcessPayload',
    });
  }, 120_000);
});
