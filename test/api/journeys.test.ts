import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Parts } from '../../src/app.ts';
import type { Data } from '../helpers/answers.ts';
import {
  ask,
  drain,
  mutate,
  newSandbox,
  OUTPUT,
  overWebSocket,
  transports,
} from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { dockerEnvironment } from '../providers/open-docker.ts';
import { openPoor } from '../providers/poor/poor.ts';

/** One line for each provider that the same journeys are made on. */
type Row = { name: string; env?: () => Record<string, string>; parts?: (dir: string) => Parts };
const rows: Row[] = [
  { name: 'local' },
  { name: 'docker', env: dockerEnvironment },
  {
    name: 'poor',
    parts: (dir) => ({ openVendors: async ({ deployment }) => [openPoor(dir, deployment)] }),
  },
];
const CAPABILITIES =
  '{ providers { name health capabilities { reattach output pty stdin signals watch ports extend networkModes limits { cpu memory time } } } }';

describe.each(rows)('the journey on $name', ({ name, env, parts }) => {
  let server: TestServer;
  let dir: string;
  let sandboxId: string;
  let can: Data['providers'][number]['capabilities'];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbank-journey-'));
    const own = parts ? {} : { SANDBANK_PROVIDERS: name };
    server = await startServer({ ...own, ...env?.() }, undefined, parts?.(dir));
    const { providers } = await ask(server, CAPABILITIES);
    expect(providers).toMatchObject([{ name, health: 'HEALTHY' }]);
    const [provider] = providers;
    if (!provider) throw new Error('no provider');
    can = provider.capabilities;
    sandboxId = await newSandbox(server, { env: [{ name: 'GREETING', value: 'hi' }] });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const refused = (capability: string) => ({
    __typename: 'Failure',
    code: 'UNSUPPORTED',
    details: expect.objectContaining({ capability, provider: name }),
  });
  const start = async (command: string): Promise<string> =>
    (await mutate(server, 'startProcess', 'process { id }', { sandboxId, command })).process.id;
  const look = async (selection: string): Promise<Data['sandbox']> =>
    (await ask(server, `query ($id: ID!) { sandbox(id: $id) { ${selection} } }`, { id: sandboxId }))
      .sandbox;

  it('runs a command to its end, with input, exit code and timeout', async () => {
    const exec = (input: object) =>
      mutate(server, 'exec', 'exitCode stdout stderr process { state signal }', {
        sandboxId,
        ...input,
      });
    const command = 'echo $GREETING; cat; echo err >&2; exit 3';
    expect(await exec({ command, stdin: 'typed' })).toMatchObject({
      exitCode: 3,
      stdout: 'hi\ntyped',
      stderr: 'err\n',
      process: { state: 'EXITED' },
    });
    expect(await exec({ command: 'sleep 300', timeoutMs: 500 })).toMatchObject({
      process: { state: 'TIMED_OUT', signal: 'SIGKILL' },
    });
  });

  it('records two mebibytes that a command writes at once', async () => {
    const command = `printf '%02097152d' 0`;
    const { exitCode, process } = await mutate(server, 'exec', 'exitCode process { id state }', {
      sandboxId,
      command,
    });
    expect([exitCode, process.state]).toEqual([0, 'EXITED']);
    // What was not recorded is not there.
    const { text, exit } = await drain(transports[0].subscribe(server, OUTPUT, { id: process.id }));
    expect(text.length).toBe(2 ** 21);
    expect(text).toMatch(/^0+$/);
    expect(exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
  });

  it.each(transports)('streams what a process writes over $transport', async ({ subscribe }) => {
    const id = await start('for i in 1 2 3; do echo line $i; sleep 0.2; done; exit 4');
    const { text, exit } = await drain(subscribe(server, OUTPUT, { id }));
    expect(text).toBe('line 1\nline 2\nline 3\n');
    expect(exit).toMatchObject({ kind: 'EXITED', exitCode: 4 });
    // From the journal, after the process and also where the vendor has forgotten it.
    const again = await drain(subscribe(server, OUTPUT, { id }));
    expect(again.text).toBe(text);
  });

  it('writes, reads, lists, moves and removes files, bytes included', async () => {
    const data = Buffer.from([0, 255, 10, 128, 195]).toString('base64');
    const file = { path: 'deep/bytes', data, permissions: '0600' };
    expect(
      await mutate(server, 'writeFile', 'file { path size mode }', { sandboxId, file }),
    ).toMatchObject({ file: { path: '/home/user/deep/bytes', size: 5, mode: '0600' } });
    expect(
      await look(
        'file(path: "deep/bytes") { type sha256 content { data } } directory(path: "deep") { entries { path type } } fileExists(path: "nothing")',
      ),
    ).toMatchObject({
      file: { type: 'FILE', content: { data } },
      directory: { entries: [{ path: '/home/user/deep/bytes', type: 'FILE' }] },
      fileExists: false,
    });
    expect(
      await mutate(server, 'movePath', 'file { path }', { sandboxId, from: 'deep', to: 'moved' }),
    ).toMatchObject({ file: { path: '/home/user/moved' } });
    const removal = { sandboxId, path: 'moved', recursive: true };
    expect(await mutate(server, 'removePath', 'path', removal)).toMatchObject({ path: 'moved' });
    const { uploadUrl, downloadUrl } = await look(
      'uploadUrl(path: "up") { url } downloadUrl(path: "up") { url }',
    );
    expect((await fetch(uploadUrl.url, { method: 'PUT', body: 'uploaded' })).ok).toBe(true);
    expect(await (await fetch(downloadUrl.url)).text()).toBe('uploaded');
  });

  it('talks to a terminal, or says that there is none', async () => {
    const input = { sandboxId, argv: ['bash', '-c', 'tty; read line; echo got $line'] };
    const made = await mutate(server, 'createTerminal', 'terminal { id }', input);
    if (can.pty === 'NONE') return expect(made).toMatchObject(refused('pty'));
    const terminalId = made.terminal.id;
    await mutate(server, 'writeTerminal', 'terminal { id }', { terminalId, text: 'word\r' });
    const query = OUTPUT.replace('processOutput(processId:', 'terminalOutput(terminalId:');
    const { text } = await drain(
      overWebSocket(server, query, { id: terminalId }),
      'terminalOutput',
    );
    expect(text).toMatch(/\/dev\/pts\/\d+[\s\S]*got word/);
  });

  it('writes to a process and signals it, or says that it cannot', async () => {
    const id = await start('sleep 2; cat');
    const written = await mutate(server, 'writeStdin', 'process { id }', {
      processId: id,
      text: 'x',
    });
    if (can.stdin === 'NONE') expect(written).toMatchObject(refused('stdin'));
    else expect(written).toMatchObject({ process: { id } });
    const signalled = await mutate(server, 'signalProcess', 'process { id }', {
      processId: id,
      signal: 'SIGTERM',
    });
    if (can.signals === 'NONE') expect(signalled).toMatchObject(refused('signals'));
    else expect(signalled).toMatchObject({ process: { id } });
    const { process } = await mutate(server, 'waitProcess', 'process { state }', { processId: id });
    expect(process.state).toBe(can.signals === 'NONE' ? 'EXITED' : 'SIGNALED');
  });

  it('gives an address of a port, or says that it cannot', async () => {
    const url = look('portUrl(port: 8080) { url }');
    if (can.ports === 'TUNNEL') expect((await url).portUrl.url).toContain(server.portsUrl);
    else await expect(url).rejects.toThrow(/UNSUPPORTED.*/);
    expect((await look('ports')).ports).toEqual([]);
  });

  it('moves its expiration, or says that it is fixed', async () => {
    const { expiresAt } = await look('expiresAt');
    const extended = await mutate(server, 'extendSandbox', 'sandbox { expiresAt }', {
      sandboxId,
      timeoutSeconds: 7_200,
    });
    if (can.extend === 'NONE') {
      expect(extended).toMatchObject(refused('extend'));
      expect(await look('expiresAt')).toEqual({ expiresAt });
    } else
      expect(Date.parse(extended.sandbox.expiresAt)).toBeGreaterThan(Date.parse(expiresAt) + 1_000);
  });

  it('measures what it can, and gives null for the rest', async () => {
    const { resources } = await look('resources { cpuSeconds memoryBytes cpuLimit }');
    expect(resources.cpuLimit).toBe(1);
    if (can.limits.memory === 'ENFORCED') expect(resources.memoryBytes).toBeGreaterThan(0);
    if (name === 'poor') expect(resources).toMatchObject({ cpuSeconds: null, memoryBytes: null });
  });

  it('is chosen for what it can hold, and says why not for the rest', async () => {
    const create = (input: object) => mutate(server, 'createSandbox', 'sandbox { id }', input);
    for (const networkMode of ['NONE', 'ALLOW_LIST', 'FULL'] as const) {
      const networkAllow = networkMode === 'ALLOW_LIST' ? ['example.com'] : [];
      const made = await create({ networkMode, networkAllow });
      if (can.networkModes.includes(networkMode)) expect(made.sandbox.id).toMatch(/^sbx_/);
      else expect(made.message).toMatch(`${name}: it has no network mode`);
    }
    const limited = await create({ memoryBytes: 2 ** 28 });
    if (can.limits.memory !== 'NONE') expect(limited.sandbox.id).toMatch(/^sbx_/);
    else expect(limited.message).toMatch(`${name}: it cannot limit memory`);
  });

  it('is destroyed, and what it ran is lost', async () => {
    const id = await start('sleep 300');
    expect(
      await mutate(server, 'destroySandbox', 'sandbox { state terminationReason }', { sandboxId }),
    ).toMatchObject({ sandbox: { state: 'TERMINATED', terminationReason: 'USER' } });
    const { process } = await mutate(server, 'waitProcess', 'process { state }', { processId: id });
    expect(process.state).toBe('LOST');
    const input = { sandboxId, argv: ['true'] };
    expect(await mutate(server, 'exec', 'exitCode', input)).toMatchObject({ code: 'TERMINATED' });
  });
});
