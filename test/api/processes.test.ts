import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Data } from '../helpers/answers.ts';
import {
  ask,
  drain,
  mutate,
  newSandbox,
  OUTPUT,
  overWebSocket,
  type ProcessEvent,
  post,
  transports,
} from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

describe('processes', () => {
  let server: TestServer;
  let sandboxId: string;
  beforeAll(async () => {
    server = await startServer();
    sandboxId = await newSandbox(server, { env: [{ name: 'GREETING', value: 'hi' }] });
  });
  afterAll(() => server?.stop());
  const start = async (input: object): Promise<string> =>
    (await mutate(server, 'startProcess', 'process { id }', { sandboxId, ...input })).process.id;
  const exec = (input: object): Promise<Data['exec']> =>
    mutate(
      server,
      'exec',
      'exitCode stdout stderr stdoutTruncated durationMs process { id state signal }',
      { sandboxId, ...input },
    );

  it('runs a command and returns what it said', async () => {
    expect(await exec({ command: 'echo $GREETING; cat; exit 3', stdin: 'typed' })).toMatchObject({
      exitCode: 3,
      stdout: 'hi\ntyped',
      stderr: '',
      process: { state: 'EXITED' },
    });
  });

  it('cuts long output, says so, and keeps the rest in the journal', async () => {
    const result = await exec({
      argv: ['python3', '-c', 'print("x" * 5000, end="")'],
      outputBytes: 1_000,
    });
    expect([result.stdout.length, result.stdoutTruncated]).toEqual([1_000, true]);
    expect(
      (await drain(overWebSocket(server, OUTPUT, { id: result.process.id }))).text.length,
    ).toBe(5_000);
  });

  it.each(['PYTHON', 'NODE', 'BASH'])('runs code in %s', async (runtime) => {
    const code = { PYTHON: 'print(6*7)', NODE: 'console.log(6*7)', BASH: 'echo $((6*7))' }[runtime];
    expect(
      await mutate(server, 'runCode', 'stdout exitCode', { sandboxId, runtime, code }),
    ).toMatchObject({ stdout: '42\n', exitCode: 0 });
  });

  it.each(transports)(
    'delivers text split at every byte exactly, over $transport',
    async ({ subscribe }) => {
      const text = 'aé漢字🧪\u200d👩‍🚀ß';
      const script = `import os,sys,time
for b in ${JSON.stringify([...Buffer.from(text.repeat(3))])}:
    os.write(1, bytes([b])); time.sleep(0.002)
os.write(1, bytes([0xff, 0xe6, 0xbc]))`;
      const id = await start({ argv: ['python3', '-c', script] });
      const seen = await drain(subscribe(server, OUTPUT, { id }));
      expect(seen.text).toBe(`${text.repeat(3)}\ufffd\ufffd`);
      expect(
        seen.bytes.equals(
          Buffer.concat([Buffer.from(text.repeat(3)), Buffer.from([0xff, 0xe6, 0xbc])]),
        ),
      ).toBe(true);
      expect(seen.exit).toMatchObject({ __typename: 'ProcessExited', kind: 'EXITED', exitCode: 0 });
      expect(seen.events.filter((event) => event.__typename === 'ProcessExited').length).toBe(1);
    },
  );

  it('resumes after any cursor, in a subscription and in pages', async () => {
    const id = await start({ command: 'for i in {1..30}; do echo line $i; sleep 0.01; done' });
    const whole = await drain(overWebSocket(server, OUTPUT, { id }));
    for (const [index, { cursor }] of whole.events.entries()) {
      const rest = await drain(overWebSocket(server, OUTPUT, { id, after: cursor }));
      expect(rest.text).toBe(
        whole.events
          .slice(index + 1)
          .map((event) => event.text ?? '')
          .join(''),
      );
    }
    const query =
      'query ($id: ID!, $after: Cursor) { process(id: $id) { output(after: $after, maxBytes: 50) { cursor hasMore ended events { __typename ... on ProcessOutput { text } } } } }';
    let text = '';
    const pageAfter = async (after: string | null): Promise<Data['process']['output']> =>
      (await ask(server, query, { id, after })).process.output;
    for (let after: string | null = null; ; ) {
      const page = await pageAfter(after);
      text += page.events.map((event) => event.text ?? '').join('');
      after = page.cursor;
      if (page.hasMore) continue;
      expect([text, page.ended]).toEqual([whole.text, true]);
      break;
    }
  });

  it('misses nothing of short commands, whenever the subscriber comes', async () => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const id = await start({ command: `echo ${index}` });
        const seen = await drain(overWebSocket(server, OUTPUT, { id }));
        expect([seen.text, seen.exit?.kind]).toEqual([`${index}\n`, 'EXITED']);
      }),
    );
  });

  it('feeds stdin, waits, signals the group, and refuses what is over', async () => {
    const id = await start({ command: 'read line; echo got $line; sleep 300 & wait' });
    await mutate(server, 'writeStdin', 'process { id }', { processId: id, text: 'it\n' });
    expect(
      await mutate(server, 'waitProcess', 'process { state }', { processId: id, timeoutMs: 50 }),
    ).toMatchObject({ process: { state: 'RUNNING' } });
    await mutate(server, 'closeStdin', 'process { id }', { processId: id });
    expect(
      await mutate(server, 'writeStdin', 'process { id }', { processId: id, text: 'x' }),
    ).toMatchObject({ code: 'CONFLICT' });
    await mutate(server, 'signalProcess', 'process { id }', { processId: id, signal: 'SIGTERM' });
    expect(
      await mutate(server, 'waitProcess', 'process { state signal }', { processId: id }),
    ).toMatchObject({ process: { state: 'SIGNALED', signal: 'SIGTERM' } });
    expect(
      await mutate(server, 'signalProcess', 'process { id }', { processId: id, signal: 'SIGTERM' }),
    ).toMatchObject({ code: 'TERMINATED' });
    expect(await exec({ command: 'pgrep -x sleep || echo none' })).toMatchObject({
      stdout: 'none\n',
    });
  });

  it('starts once for one idempotency key', async () => {
    const input = { command: 'echo once', idempotencyKey: 'k1' };
    const ids = await Promise.all(Array.from({ length: 20 }, () => start(input)));
    expect(new Set(ids).size).toBe(1);
    expect(
      await mutate(server, 'startProcess', 'process { id }', {
        sandboxId,
        command: 'echo other',
        idempotencyKey: 'k1',
      }),
    ).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('gives terminals with job control that can be resized', async () => {
    const { terminal } = await mutate(server, 'createTerminal', 'terminal { id cols rows }', {
      sandboxId,
      cols: 100,
      rows: 30,
    });
    expect(terminal).toMatchObject({ cols: 100, rows: 30 });
    const type = (text: string) =>
      mutate(server, 'writeTerminal', 'terminal { id }', { terminalId: terminal.id, text });
    await mutate(server, 'resizeTerminal', 'terminal { id }', {
      terminalId: terminal.id,
      cols: 120,
      rows: 40,
    });
    const query = OUTPUT.replace('processOutput(processId:', 'terminalOutput(terminalId:');
    const steps: [RegExp, string][] = [
      [/\$ $/, 'tty; stty size; sleep 100 &\r'],
      [/40 120[\s\S]*\$ $/, 'jobs; sleep 200\r'],
      [/Running[\s\S]*/, '\u0003'],
      [/\^C[\s\S]*\$ $/, 'echo code $?; kill %1; exit 5\r'],
    ];
    const seen = { text: '', exit: null as ProcessEvent | null };
    for await (const { data } of overWebSocket(server, query, { id: terminal.id })) {
      const event = data.terminalOutput;
      seen.text += event.text ?? '';
      if (event.kind) seen.exit = event;
      const plain = stripVTControlCharacters(seen.text);
      const [step] = steps;
      if (step?.[0].test(plain)) {
        steps.shift();
        await type(step[1]);
      }
    }
    expect(seen.text).toMatch(/\/dev\/pts\/\d+\r\n40 120[\s\S]*Running[\s\S]*code 130/);
    expect(seen.exit).toMatchObject({ kind: 'EXITED', exitCode: 5 });
    expect(
      await mutate(server, 'writeTerminal', 'terminal { id }', {
        terminalId: terminal.id,
        text: 'x',
      }),
    ).toMatchObject({ code: 'TERMINATED' });
  });

  it('runs full-screen programs and hangs up', async () => {
    const { terminal } = await mutate(server, 'createTerminal', 'terminal { id }', {
      sandboxId,
      argv: ['top'],
    });
    for await (const { data } of overWebSocket(
      server,
      'subscription ($id: ID!) { terminalOutput(terminalId: $id) { ... on ProcessOutput { text } } }',
      { id: terminal.id },
    )) {
      if (data.terminalOutput.text?.includes('PID')) break;
    }
    expect(
      await mutate(server, 'destroyTerminal', 'terminal { state }', { terminalId: terminal.id }),
    ).toMatchObject({ __typename: 'TerminalPayload' });
    expect(
      (await ask(server, 'query ($id: ID!) { terminal(id: $id) { state } }', { id: terminal.id }))
        .terminal.state,
    ).not.toBe('RUNNING');
  });

  it.each([
    ['neither command nor argv', {}],
    ['both', { command: 'true', argv: ['true'] }],
    ['NUL', { command: 'a\0b' }],
    ['a lone surrogate', { argv: ['echo', '\ud800'] }],
    ['an empty program', { argv: [''] }],
    ['a directory that is not', { command: 'true', cwd: '/nowhere' }],
    ['a name that is no variable', { command: 'true', env: [{ name: 'A=B', value: '' }] }],
    ['no time', { command: 'true', timeoutMs: 0 }],
  ])('refuses %s with a reason', async (_, input) => {
    const failure = await exec(input);
    expect(failure).toMatchObject({ __typename: 'Failure', code: 'INVALID_ARGUMENT' });
    expect(failure.message.length).toBeGreaterThan(10);
  });

  it('takes what looks like an escape of JSON as the characters that it is', async () => {
    const text = String.raw`\u0000 \ud83d "\u0000"`;
    expect(await exec({ argv: ['printf', '%s', text] })).toMatchObject({ stdout: text });
  });

  it('answers alike for ids that are not and ids of others', async () => {
    const foreign = server.token({ tenant: 'evil' });
    const id = await start({ command: 'sleep 1' });
    const query =
      'query ($p: ID!, $s: ID!) { process(id: $p) { id } sandbox(id: $s) { id } node(id: $p) { id } }';
    expect(await ask(server, query, { p: id, s: sandboxId }, foreign)).toEqual({
      process: null,
      sandbox: null,
      node: null,
    });
    expect(await ask(server, query, { p: 'prc_none', s: 'sbx_none' })).toEqual({
      process: null,
      sandbox: null,
      node: null,
    });
    expect(
      (
        await mutate(
          server,
          'signalProcess',
          'process { id }',
          { processId: id, signal: 'SIGKILL' },
          foreign,
        )
      ).code,
    ).toBe('NOT_FOUND');
    for (const after of ['junk', 'AAAAAAABVX6Zy4eB6B1--61O']) {
      const [answer] = await Array.fromAsync(overWebSocket(server, OUTPUT, { id, after }));
      expect(answer?.errors?.[0]?.extensions.code).toBe('BAD_CURSOR');
    }
    expect(
      (await post(server, '{ viewer { subject } }', {}, null)).errors?.[0]?.extensions.code,
    ).toBe('UNAUTHENTICATED');
  });
});
