import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Data } from '../helpers/answers.ts';
import { ask, mutate, newSandbox, overWebSocket } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const EVENTS =
  'subscription ($after: Cursor, $filter: SandboxEventsFilter) { sandboxEvents(after: $after, filter: $filter) { __typename cursor ... on SandboxReady { sandboxId sandbox { state } } ... on SandboxDestroyed { sandboxId reason } } }';

describe('sandboxes', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());
  const sandbox = async (id: string): Promise<Data['sandbox']> =>
    (
      await ask(
        server,
        'query ($id: ID!) { sandbox(id: $id) { state terminationReason endedAt labels { key value } envNames } }',
        { id },
      )
    ).sandbox;

  it('lives from READY to TERMINATED, and says why it ended', async () => {
    const id = await newSandbox(server, {
      labels: [{ key: 'team', value: 'core' }],
      env: [{ name: 'TOKEN', value: 'canary' }],
    });
    expect(await sandbox(id)).toEqual({
      state: 'READY',
      terminationReason: null,
      endedAt: null,
      labels: [{ key: 'team', value: 'core' }],
      envNames: ['TOKEN'],
    });
    await mutate(server, 'updateSandbox', 'sandbox { id }', {
      sandboxId: id,
      labels: [{ key: 'a', value: 'b' }],
    });
    expect((await sandbox(id)).labels).toEqual([{ key: 'a', value: 'b' }]);
    for (let again = 0; again < 2; again += 1)
      expect(
        await mutate(server, 'destroySandbox', 'sandbox { state }', { sandboxId: id }),
      ).toMatchObject({ sandbox: { state: 'TERMINATED' } });
    expect(await sandbox(id)).toMatchObject({ state: 'TERMINATED', terminationReason: 'USER' });
    expect(
      await mutate(server, 'exec', 'exitCode', { sandboxId: id, command: 'true' }),
    ).toMatchObject({ code: 'TERMINATED' });
    expect(
      await mutate(server, 'extendSandbox', 'sandbox { id }', {
        sandboxId: id,
        timeoutSeconds: 60,
      }),
    ).toMatchObject({ code: 'TERMINATED' });
  });

  it('makes one sandbox for one key, however many ask at once', async () => {
    const ids = await Promise.all(
      Array.from({ length: 30 }, () => newSandbox(server, { idempotencyKey: 'one' })),
    );
    expect(new Set(ids).size).toBe(1);
    expect(
      await mutate(server, 'createSandbox', 'sandbox { id }', {
        idempotencyKey: 'one',
        template: 'default',
        labels: [{ key: 'x', value: 'y' }],
      }),
    ).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('ends at its time with a warning before, and can be given more', async () => {
    const id = await newSandbox(server, { timeoutSeconds: 2 });
    const kinds: string[] = [];
    for await (const { data } of overWebSocket(server, EVENTS, { filter: { sandboxIds: [id] } })) {
      kinds.push(data.sandboxEvents.__typename);
      if (data.sandboxEvents.__typename === 'SandboxDestroyed') {
        expect(data.sandboxEvents.reason).toBe('EXPIRED');
        break;
      }
    }
    expect(kinds).toEqual([
      'SandboxCreated',
      'SandboxReady',
      'SandboxExpiring',
      'SandboxDestroyed',
    ]);
  });

  it('tells of a sandbox that dies by itself', async () => {
    const id = await newSandbox(server);
    await mutate(server, 'exec', 'exitCode', { sandboxId: id, command: 'kill -9 2' });
    for await (const { data } of overWebSocket(server, EVENTS, { filter: { sandboxIds: [id] } })) {
      if (data.sandboxEvents.__typename === 'SandboxDestroyed') break;
    }
    expect(await sandbox(id)).toMatchObject({ state: 'TERMINATED', terminationReason: 'LOST' });
  });

  it('pages, filters and counts, and destroys by filter', async () => {
    const labels = [{ key: 'batch', value: 'p' }];
    for (let index = 0; index < 5; index += 1) await newSandbox(server, { labels });
    const query =
      'query ($after: String) { sandboxes(first: 2, after: $after, filter: { labels: [{ key: "batch", value: "p" }] }) { totalCount pageInfo { hasNextPage endCursor } edges { node { id } } } }';
    const seen: string[] = [];
    let after: string | null = null;
    for (;;) {
      const { sandboxes }: Data = await ask(server, query, { after });
      expect(sandboxes.totalCount).toBe(5);
      seen.push(...sandboxes.edges.map((edge) => edge.node.id));
      if (!sandboxes.pageInfo.hasNextPage) break;
      after = sandboxes.pageInfo.endCursor;
    }
    expect(new Set(seen).size).toBe(5);
    expect(
      await mutate(server, 'destroySandboxes', 'sandboxes { id }', { filter: {} }),
    ).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const gone = await mutate(server, 'destroySandboxes', 'sandboxes { id state }', {
      filter: { labels },
    });
    expect(gone.sandboxes.map(({ state }) => state)).toEqual(
      Array.from({ length: 5 }, () => 'TERMINATED'),
    );
  });

  it('diagnoses from the outside in', async () => {
    const id = await newSandbox(server);
    const { checks } = await mutate(server, 'diagnoseSandbox', 'checks { name status }', {
      sandboxId: id,
    });
    expect(checks.map(({ name }) => name)).toEqual([
      'state',
      'provider',
      'network',
      'connection',
      'memory',
      'disk',
      'processes',
    ]);
  });

  it.each([
    ['a provider that is not', { provider: 'mars' }, 'INVALID_ARGUMENT'],
    ['a template that is not', { template: 'mars' }, 'INVALID_ARGUMENT'],
    ['a label that is none', { labels: [{ key: 'a b', value: '' }] }, 'INVALID_ARGUMENT'],
    ['a variable that is none', { env: [{ name: '1', value: '' }] }, 'INVALID_ARGUMENT'],
    ['a life too long', { timeoutSeconds: 90_000 }, 'LIMIT_EXCEEDED'],
    [
      'a host that is none',
      { networkMode: 'ALLOW_LIST', networkAllow: ['http://x'] },
      'INVALID_ARGUMENT',
    ],
  ])('refuses %s', async (_, input, code) => {
    expect(await mutate(server, 'createSandbox', 'sandbox { id }', input)).toMatchObject({
      __typename: 'Failure',
      code,
    });
  });
});
