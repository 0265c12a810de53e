import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, mutate, newSandbox } from '../helpers/client.ts';
import { freePort, launch, launchedServer } from '../helpers/launch.ts';

describe('a server that is stopped', () => {
  let stateDir: string;
  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-stop-'));
  });
  afterAll(() => rm(stateDir, { recursive: true, force: true }));

  it('tells who waits for a process that it runs on, before the connection is cut', async () => {
    const port = await freePort();
    const running = await launch(stateDir, port, undefined, { SANDBANK_SHUTDOWN_SECONDS: '4' });
    const server = launchedServer(port);
    const sandboxId = await newSandbox(server);
    const answer = mutate(server, 'exec', 'stdout', { sandboxId, command: 'sleep 600' });
    const query =
      'query ($id: ID!) { sandbox(id: $id) { processes(first: 1) { edges { node { id } } } } }';
    const idOf = async (): Promise<string | undefined> =>
      (await ask(server, query, { id: sandboxId })).sandbox?.processes.edges[0]?.node.id;
    let processId: string | undefined;
    while (processId === undefined) processId = await idOf();
    process.kill(running.pid, 'SIGTERM');
    expect(await answer).toMatchObject({
      ...{ code: 'UNAVAILABLE', retryable: false },
      details: { processId },
    });
    expect(await running.ended).toMatchObject({ code: 0 });
  });

  it('tells who waits for a sandbox that it is not made, before the connection is cut', async () => {
    const port = await freePort();
    const running = await launch(stateDir, port, undefined, {
      ...{ SANDBANK_SHUTDOWN_SECONDS: '3', SANDBANK_WARM_SANDBOXES: '0' },
    });
    const server = launchedServer(port);
    const creates = Array.from({ length: 40 }, () =>
      mutate(server, 'createSandbox', 'sandbox { state }', {}),
    );
    const count = async (): Promise<number> =>
      (await ask(server, '{ sandboxes(first: 1, filter: { states: [CREATING] }) { totalCount } }'))
        .sandboxes.totalCount ?? 0;
    while ((await count()) < 20);
    process.kill(running.pid, 'SIGTERM');
    // Each has an answer: made in time, or refused for now.
    for (const answer of await Promise.all(creates))
      expect(answer.sandbox ?? answer).toMatchObject(
        answer.sandbox ? { state: 'READY' } : { code: 'UNAVAILABLE', retryable: true },
      );
    expect(await running.ended).toMatchObject({ code: 0 });
  });

  it('answers what is under way, and then ends without waiting for the connection to be used again', async () => {
    const port = await freePort();
    // Longer than the test may take.
    const running = await launch(stateDir, port, undefined, { SANDBANK_SHUTDOWN_SECONDS: '600' });
    const server = launchedServer(port);
    const sandboxId = await newSandbox(server);
    const answer = mutate(server, 'exec', 'stdout', {
      ...{ sandboxId, command: 'touch begun; sleep 2; echo done' },
    });
    const hasBegun = () =>
      mutate(server, 'exec', 'process { exitCode }', { sandboxId, command: 'test -e begun' });
    while ((await hasBegun()).process.exitCode !== 0);
    process.kill(running.pid, 'SIGTERM');
    expect(await answer).toMatchObject({ stdout: 'done\n' });
    expect(await running.ended).toMatchObject({ code: 0 });
  });
});
