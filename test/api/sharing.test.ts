import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, drain, mutate, newSandbox, OUTPUT, overWebSocket, post } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const SEEN =
  'query ($id: ID!) { sandbox(id: $id) { id tenant } sandboxes(first: 50) { totalCount edges { node { id } } } node(id: $id) { id } }';

describe('whose sandboxes are whose', () => {
  let server: TestServer;
  let id: string;
  const token = (subject: string, role = 'developer', tenant = 'acme'): string =>
    server.token({ subject, role, tenant });
  beforeAll(async () => {
    server = await startServer();
    id = await newSandbox(server, {}, token('ann'));
  });
  afterAll(() => server?.stop());

  const sees = async (as: string): Promise<boolean> => {
    const { sandbox, sandboxes, node } = await ask(server, SEEN, { id }, as);
    const listed = sandboxes.edges.some((edge) => edge.node.id === id);
    // By id, in lists, and as a node: all the same.
    expect([Boolean(sandbox), listed, Boolean(node)]).toEqual(Array(3).fill(listed));
    if (!listed) expect(sandboxes.totalCount).toBe(0);
    return listed;
  };
  const exec = (as: string) =>
    mutate(server, 'exec', 'exitCode', { sandboxId: id, command: 'true' }, as);
  const share = (input: object, as: string) =>
    mutate(
      server,
      'shareSandbox',
      'sandbox { shares { subject access createdBy } }',
      { sandboxId: id, ...input },
      as,
    );

  it.each([
    ['its maker', 'ann', 'developer', 'acme', true],
    ['another developer of the tenant', 'bob', 'developer', 'acme', false],
    ['a viewer of the tenant', 'vic', 'viewer', 'acme', true],
    ['an operator of the tenant', 'ops', 'operator', 'acme', true],
    ['an admin of another tenant', 'ann', 'admin', 'others', false],
    ['the platform’s own people', 'root', 'platform', 'operators', true],
  ])('%s', async (_, subject, role, tenant, visible) => {
    expect(await sees(token(subject, role, tenant))).toBe(visible);
  });

  it('is shared to be looked at, or to be used, and taken back', async () => {
    const [ann, bob] = [token('ann'), token('bob')];
    expect((await exec(bob)).code).toBe('NOT_FOUND');
    const { process } = await mutate(
      server,
      'startProcess',
      'process { id }',
      { sandboxId: id, command: 'echo hi' },
      ann,
    );
    const shared = await share({ subject: 'bob', access: 'READ' }, ann);
    expect(shared.sandbox.shares).toEqual([{ subject: 'bob', access: 'READ', createdBy: 'ann' }]);
    expect(await sees(bob)).toBe(true);
    expect((await drain(overWebSocket(server, OUTPUT, { id: process.id }, bob))).text).toBe('hi\n');
    for (const [field, selection, input] of [
      ['exec', 'exitCode', { sandboxId: id, command: 'true' }],
      ['writeFile', 'file { path }', { sandboxId: id, file: { path: 'f', text: 'x' } }],
      ['destroySandbox', 'sandbox { id }', { sandboxId: id }],
      ['extendSandbox', 'sandbox { id }', { sandboxId: id, timeoutSeconds: 60 }],
      ['shareSandbox', 'sandbox { id }', { sandboxId: id, subject: 'eve', access: 'READ' }],
      ['signalProcess', 'process { id }', { processId: process.id, signal: 'SIGKILL' }],
    ] as const)
      expect([field, (await mutate(server, field, selection, input, bob)).code]).toEqual([
        field,
        'FORBIDDEN',
      ]);
    await share({ subject: 'bob', access: 'WRITE' }, ann);
    expect((await exec(bob)).exitCode).toBe(0);
    // It may be used, and is still not his to give.
    expect((await share({ subject: 'eve', access: 'READ' }, bob)).code).toBe('FORBIDDEN');
    const shares = await post(
      server,
      'query ($id: ID!) { sandbox(id: $id) { shares { subject } } }',
      { id },
      bob,
    );
    expect(shares.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    await mutate(
      server,
      'unshareSandbox',
      'sandbox { id }',
      { sandboxId: id, subject: 'bob' },
      ann,
    );
    expect(await sees(bob)).toBe(false);
    expect((await exec(bob)).code).toBe('NOT_FOUND');
    // A subject of that name in another tenant was never meant.
    await share({ subject: 'bob', access: 'WRITE' }, ann);
    expect(await sees(token('bob', 'developer', 'others'))).toBe(false);
    await mutate(
      server,
      'unshareSandbox',
      'sandbox { id }',
      { sandboxId: id, subject: 'bob' },
      ann,
    );
  });

  it('ends the streams of who may no longer see it', async () => {
    const [ann, bob] = [token('ann'), token('bob')];
    await share({ subject: 'bob', access: 'READ' }, ann);
    const input = { sandboxId: id, command: 'while sleep 0.05; do echo x; done' };
    const { process } = await mutate(server, 'startProcess', 'process { id }', input, ann);
    const codes: string[] = [];
    for await (const { errors } of overWebSocket(server, OUTPUT, { id: process.id }, bob)) {
      codes.push(errors?.[0]?.extensions.code ?? 'event');
      if (codes.length === 2)
        await mutate(
          server,
          'unshareSandbox',
          'sandbox { id }',
          { sandboxId: id, subject: 'bob' },
          ann,
        );
      if (errors) break;
    }
    expect(codes.at(-1)).toBe('NOT_FOUND');
    await mutate(
      server,
      'signalProcess',
      'process { id }',
      { processId: process.id, signal: 'SIGKILL' },
      ann,
    );
  });

  it('tells of the events of those alone that one may see', async () => {
    const bob = token('bob');
    const other = await newSandbox(server, {}, bob);
    const seen: string[] = [];
    for await (const { data } of overWebSocket(
      ...[
        server,
        'subscription { sandboxEvents { __typename ... on SandboxReady { sandboxId } ... on SandboxCreated { sandboxId } } }',
        {},
        bob,
      ],
    )) {
      seen.push(data.sandboxEvents.sandboxId);
      if (data.sandboxEvents.__typename === 'SandboxReady') break;
    }
    expect(new Set(seen)).toEqual(new Set([other]));
    const EVENTS =
      'subscription ($tenant: String) { sandboxEvents(filter: { tenant: $tenant }) { __typename } }';
    const [refused] = await Array.fromAsync(
      overWebSocket(server, EVENTS, { tenant: 'acme' }, token('x', 'admin', 'others')),
    );
    expect(refused?.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    for await (const { data } of overWebSocket(
      server,
      EVENTS,
      { tenant: 'acme' },
      token('x', 'platform', 'operators'),
    )) {
      expect(data.sandboxEvents.__typename).toBe('SandboxCreated');
      break;
    }
  });

  it('gives an idempotency key to its subject alone', async () => {
    const input = { idempotencyKey: 'mine', labels: [{ key: 'of', value: 'ann' }] };
    const ann = await mutate(
      server,
      'createSandbox',
      'replayed sandbox { id }',
      input,
      token('ann'),
    );
    const again = await mutate(
      server,
      'createSandbox',
      'replayed sandbox { id }',
      input,
      token('ann'),
    );
    const bob = await mutate(
      server,
      'createSandbox',
      'replayed sandbox { id }',
      input,
      token('bob'),
    );
    expect([ann.replayed, again.replayed, bob.replayed]).toEqual([false, true, false]);
    expect(again.sandbox.id).toBe(ann.sandbox.id);
    expect(bob.sandbox.id).not.toBe(ann.sandbox.id);
  });
});
