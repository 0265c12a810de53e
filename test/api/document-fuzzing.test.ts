import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutate, newSandbox } from '../helpers/client.ts';
import { createGenerator } from '../helpers/generator.ts';
import { freePort, launch, launchedServer } from '../helpers/launch.ts';
import type { TestServer } from '../helpers/server.ts';
import { sizeOf } from '../helpers/size.ts';

const DOCUMENTS = sizeOf('SANDBANK_TEST_DOCUMENTS', 8_000);
const AT_ONCE = 16;
/** These make or end more than the one sandbox, or take long by what they are for. */
const LEFT_OUT = [
  ...['createSandbox', 'destroySandbox', 'destroySandboxes', 'installPackages', 'exec', 'runCode'],
  ...['startProcess', 'createTerminal', 'revokeTokens', 'waitProcess', 'setQuota'],
];

const extremes: readonly [string, () => string, number][] = [
  [
    'a string of 10 MB',
    () => JSON.stringify({ query: '{ __typename }', variables: { a: 'x'.repeat(10_000_000) } }),
    200,
  ],
  [
    'a document of 10 MB',
    () => JSON.stringify({ query: `{ __typename } #${'x'.repeat(10_000_000)}` }),
    200,
  ],
  ['more than is taken', () => JSON.stringify({ query: 'x'.repeat(12_000_000) }), 413],
  [
    'a list 100,000 deep',
    () =>
      `{"query":"query ($a: JSON) { __typename }","variables":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    400,
  ],
  ['a selection 100,000 deep', () => JSON.stringify({ query: '{ a '.repeat(100_000) }), 400],
  [
    'fragments in a circle',
    () =>
      JSON.stringify({
        query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
      }),
    400,
  ],
  ['a body that is an array', () => '[]', 400],
  ['a body that is null', () => 'null', 400],
  ['half a body', () => '{"query": "{ __ty', 400],
  [
    'numbers beyond all bounds',
    () => '{"query":"query ($n: Int) { __typename }","variables":{"n":1e999}}',
    400,
  ],
  [
    '__proto__ as variables',
    () => '{"query":"{ __typename }","variables":{"__proto__":{"a":1},"constructor":1}}',
    200,
  ],
];

describe('generated documents', () => {
  let server: TestServer;
  let token: string;
  let stateDir: string;
  let running: Awaited<ReturnType<typeof launch>>;
  let ids: Record<string, string>;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  beforeAll(async () => {
    // In a process of its own, which a rejection that nobody handles would end.
    const port = await freePort();
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-documents-'));
    running = await launch(stateDir, port);
    server = launchedServer(port);
    token = server.token();
    const sandboxId = await newSandbox(server);
    const { process } = await mutate(server, 'startProcess', 'process { id }', {
      sandboxId,
      command: 'cat',
    });
    const { terminal } = await mutate(server, 'createTerminal', 'terminal { id }', { sandboxId });
    ids = { sandboxId, id: sandboxId, processId: process.id, terminalId: terminal.id };
  });
  afterAll(async () => {
    agent.destroy();
    const filter = { states: ['CREATING', 'READY'] };
    await mutate(server, 'destroySandboxes', 'sandboxes { id }', { filter });
    await running.kill('SIGTERM');
    await rm(stateDir, { recursive: true, force: true });
  });

  /** A raw request: what is sent need not be anything a client library would send. */
  const send = (body: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        authorization: `Bearer ${token}`,
      };
      const call = request(
        `${server.url}/graphql`,
        { agent, method: 'POST', headers },
        (answer) => {
          // A subscription that is accepted goes on; its status is all there is to see here.
          if (/event-stream|multipart/.test(answer.headers['content-type'] ?? '')) {
            resolve({ status: answer.statusCode ?? 0, text: '' });
            return void call.destroy();
          }
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
          );
        },
      );
      call.once('error', reject);
      call.end(body);
    });
  const faultOf = ({ status, text }: { status: number; text: string }): string | null => {
    if (status >= 500) return `status ${status}`;
    if (/"code":"INTERNAL"/.test(text)) return 'INTERNAL';
    return /\bat \S+ \(|node_modules|\.ts:\d/.test(text) ? 'a stack' : null;
  };

  it(
    `are answered ${DOCUMENTS.toLocaleString('en')} times, never by INTERNAL`,
    async () => {
      const next = createGenerator(11, ids, LEFT_OUT);
      const faults: object[] = [];
      const statuses = new Map<number, number>();
      let left = DOCUMENTS;
      const work = async (): Promise<void> => {
        while (left-- > 0) {
          const body = JSON.stringify(next());
          const answer = await send(body);
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          const fault = faultOf(answer);
          if (fault && faults.length < 5)
            faults.push({ fault, body: body.slice(0, 2_000), text: answer.text.slice(0, 500) });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      expect(faults).toEqual([]);
      // Some of it is right, and much of it is not.
      expect(statuses.get(200)).toBeGreaterThan(DOCUMENTS / 10);
      expect(statuses.get(400)).toBeGreaterThan(DOCUMENTS / 10);
      expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    },
    300_000 + DOCUMENTS * 10,
  );

  it.each(extremes)('of %s are answered', async (_, make, status) => {
    const answer = await send(make());
    expect([answer.status, faultOf(answer)]).toEqual([status, null]);
  });
});
