import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Data } from '../helpers/answers.ts';
import { ask, drain, mutate, newSandbox, OUTPUT, overWebSocket, post } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const run = promisify(execFile);
const CANARY = 'canary-7f3a9c51e8';
const LOG =
  'query ($filter: AuditFilter) { auditLog(first: 100, filter: $filter) { edges { node { number action target sandboxId subject role tokenId outcome code requestId address hash previousHash } } pageInfo { hasNextPage endCursor } } }';

type AuditEntry = Data['auditLog']['edges'][number]['node'];

describe('the audit log', () => {
  let stateDir: string;
  let logFile: string;
  let server: TestServer;
  let admin: string;
  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-audit-'));
    logFile = join(await mkdtemp(join(tmpdir(), 'sandbank-log-')), 'log');
    server = await startServer(
      { SANDBANK_STATE_DIR: stateDir, SANDBANK_AUTH_FAILURES_PER_MINUTE: '3' },
      pino({ level: 'trace' }, pino.destination({ dest: logFile, sync: true })),
    );
    admin = server.token();
  });
  afterAll(() => server?.stop());

  const rows = async (filter: object = {}, token = admin): Promise<AuditEntry[]> =>
    (await ask(server, LOG, { filter }, token)).auditLog.edges.map(({ node }) => node);
  const cli = (...words: string[]) =>
    run(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', 'src/main.ts', 'audit', ...words],
      {
        env: { ...process.env, SANDBANK_STATE_DIR: stateDir },
        maxBuffer: 2 ** 26,
      },
    ).catch((failure: { stdout: string; code: number }) => failure);

  it('has one row for each mutation and each refusal: who, what, where, and how it went', async () => {
    const developer = server.token({ role: 'developer', subject: 'dora' });
    const viewer = server.token({ role: 'viewer', subject: 'vic' });
    const sandboxId = await newSandbox(server, {}, developer);
    await mutate(server, 'exec', 'exitCode', { sandboxId, command: 'true' }, developer);
    await mutate(server, 'exec', 'exitCode', { sandboxId, command: '' }, developer);
    await mutate(server, 'exec', 'exitCode', { sandboxId, command: 'true' }, viewer);
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: 'sbx_none' }, developer);
    const stranger = server.token({ role: 'developer', subject: 'sam' });
    await ask(server, 'query ($id: ID!) { sandbox(id: $id) { id } }', { id: sandboxId }, stranger);
    await post(server, '{ auditLog(first: 1) { edges { node { id } } } }', {}, viewer);
    await mutate(
      server,
      'destroySandboxes',
      'sandboxes { id }',
      { filter: { text: sandboxId } },
      developer,
    );
    const seen = (await rows())
      .reverse()
      .map(({ action, target, sandboxId: place, subject, outcome, code }) => [
        ...[action, target === sandboxId ? 'it' : target, place === sandboxId ? 'it' : place],
        ...[subject, outcome, code],
      ]);
    expect(seen).toEqual([
      ['createSandbox', 'it', 'it', 'dora', 'SUCCEEDED', null],
      ['exec', 'it', 'it', 'dora', 'SUCCEEDED', null],
      ['exec', 'it', 'it', 'dora', 'FAILED', 'INVALID_ARGUMENT'],
      ['exec', 'it', 'it', 'vic', 'DENIED', 'FORBIDDEN'],
      ['destroySandbox', 'sbx_none', 'sbx_none', 'dora', 'FAILED', 'NOT_FOUND'],
      ['sandbox', 'it', null, 'sam', 'FAILED', 'NOT_FOUND'],
      ['auditLog', null, null, 'vic', 'DENIED', 'FORBIDDEN'],
      ['destroySandboxes', 'it', 'it', 'dora', 'SUCCEEDED', null],
    ]);
    expect(await rows({ outcomes: ['DENIED'], actions: ['exec'] })).toMatchObject([
      { subject: 'vic', role: 'viewer', address: '127.0.0.1', tokenId: expect.any(String) },
    ]);
    expect((await rows({ sandboxIds: [sandboxId], subjects: ['dora'] })).length).toBe(4);
    expect(await rows({ from: '2100-01-01T00:00:00Z' })).toEqual([]);
    // Another tenant has a log of its own.
    expect(await rows({}, server.token({ tenant: 'others' }))).toEqual([]);
  });

  it('names the request as the answer’s header does', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${admin}` },
      body: JSON.stringify({
        query: 'mutation { revokeTokens(input: { tokenId: "x" }) { __typename } }',
      }),
    });
    const requestIds = [response.headers.get('x-request-id')];
    expect(await rows({ requestIds })).toMatchObject([
      { action: 'revokeTokens', target: 'token/x' },
    ]);
  });

  it('holds no secret, and nor does any other place: not the logs, the errors, the journals or the database', async () => {
    const env = [{ name: 'SECRET', value: CANARY }];
    const sandboxId = await newSandbox(server, { env });
    const commands = ['test -n "$SECRET"', 'cat > /dev/null', 'exit 3'];
    for (const command of commands)
      await mutate(server, 'exec', 'exitCode', { sandboxId, command, env, stdin: CANARY });
    const started = await mutate(server, 'startProcess', 'process { id }', {
      sandboxId,
      command: 'read x',
      env,
    });
    await mutate(server, 'writeStdin', 'process { id }', {
      processId: started.process.id,
      text: `${CANARY}\n`,
    });
    await drain(overWebSocket(server, OUTPUT, { id: started.process.id }));
    const terminal = await mutate(server, 'createTerminal', 'terminal { id }', {
      sandboxId,
      env,
      argv: ['cat'],
    });
    await mutate(server, 'destroyTerminal', 'terminal { id }', {
      terminalId: terminal.terminal.id,
    });
    // What is wrong with it is said without showing it.
    const wrong = await mutate(server, 'createSandbox', 'sandbox { id }', {
      env: [{ name: 'A\0', value: CANARY }],
    });
    const bad = await post(server, `{ viewer { subject } }`, {}, `${CANARY}.${CANARY}.${CANARY}`);
    const renewed = await mutate(server, 'reauthenticate', 'expiresAt', { token: CANARY });
    expect(JSON.stringify([wrong, bad, renewed])).not.toContain(CANARY);
    for (let call = 0; call < 5; call += 1) await post(server, '{ __typename }', {}, CANARY);
    expect(await readFile(logFile, 'utf8')).toContain('An address exceeded its limit');
    // By another process: to open and close the database's file in this one would take its locks away.
    const filesWith = async (text: string): Promise<string[]> => {
      const { stdout } = await run('grep', ['-rlF', '--', text, stateDir, logFile]).catch(
        (failure: { stdout: string }) => failure,
      );
      return stdout.split('\n').filter(Boolean);
    };
    expect((await filesWith('createTerminal')).length).toBeGreaterThan(0);
    expect(await filesWith(CANARY)).toEqual([]);
    // Nor does a token lie anywhere.
    expect(await filesWith(admin.split('.')[2] ?? '')).toEqual([]);
  });

  it('is whole, can be taken out, and checked without the server', async () => {
    expect(await cli('verify')).toMatchObject({ stdout: /The audit log is whole\.\n$/ });
    const { stdout } = await cli('export', '--tenant', 'acme');
    const file = join(await mkdtemp(join(tmpdir(), 'sandbank-export-')), 'audit.ndjson');
    await writeFile(file, stdout);
    expect(await cli('verify', '--file', file)).toMatchObject({
      stdout: /✓ tenant acme: \d+ rows/,
    });
    const lines = stdout.trimEnd().split('\n');
    for (const [change, fault] of [
      [
        () => lines.toSpliced(2, 1, (lines[2] ?? '').replace('"exec"', '"read"')),
        /row 3 was changed/,
      ],
      [() => lines.toSpliced(4, 1), /row 5 is missing/],
      [() => [lines[1], lines[0], ...lines.slice(2)], /row 1 is missing/],
    ] as const) {
      await writeFile(file, `${change().join('\n')}\n`);
      expect(await cli('verify', '--file', file)).toMatchObject({ code: 1, stdout: fault });
    }
  });

  it.each([
    [
      'a row that was changed',
      `update audit set "subject" = 'nobody' where "tenant" = 'acme' and "seq" = 2`,
      /row 2 was changed/,
    ],
    [
      'a row that was removed',
      `delete from audit where "tenant" = 'acme' and "seq" = 3`,
      /row 3 is missing/,
    ],
    [
      'an end that was cut off',
      `delete from audit where "tenant" = 'acme' and "seq" = (select max("seq") from audit where "tenant" = 'acme')`,
      /row \d+ is missing/,
    ],
  ])('is found broken by %s', async (_, change, fault) => {
    const db = new DatabaseSync(join(stateDir, 'sandbank.sqlite'));
    const saved = db.prepare(`select * from audit where "tenant" = 'acme'`).all();
    db.exec(change);
    expect(await cli('verify')).toMatchObject({ code: 1, stdout: fault });
    db.exec(`delete from audit where "tenant" = 'acme'`);
    for (const row of saved) {
      const names = Object.keys(row);
      const insert = `insert into audit (${names.map((name) => `"${name}"`)}) values (${names.map(() => '?')})`;
      db.prepare(insert).run(...(Object.values(row) as string[]));
    }
    db.close();
    expect(await cli('verify')).toMatchObject({ stdout: /The audit log is whole/ });
  });
});
