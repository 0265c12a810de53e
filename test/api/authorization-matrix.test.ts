import { type GraphQLField, isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type AnswerError,
  newSandbox,
  post,
  type Stream,
  transports,
} from '../helpers/client.ts';
import { callOf, contract, documentOf } from '../helpers/documents.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** What each field needs; a field that is not here fails the first test. `null`: any token. `plain`: a fact of what was asked for. */
const ROOT: Readonly<Record<string, string | null>> = {
  'Query.auditLog': 'audit:read',
  'Query.node': null,
  'Query.nodes': null,
  'Query.packageManagers': null,
  'Query.process': 'processes:read',
  'Query.providers': null,
  'Query.quota': 'usage:read',
  'Query.rateLimit': null,
  'Query.runtimes': null,
  'Query.sandbox': 'sandboxes:read',
  'Query.sandboxes': 'sandboxes:read',
  'Query.terminal': 'processes:read',
  'Query.terminals': 'processes:read',
  'Query.usage': 'usage:read',
  'Query.viewer': null,
  'Mutation.closeStdin': 'processes:run',
  'Mutation.copyPath': 'files:write',
  'Mutation.createSandbox': 'sandboxes:create',
  'Mutation.createTerminal': 'terminals:use',
  'Mutation.destroySandbox': 'sandboxes:manage',
  'Mutation.destroySandboxes': 'sandboxes:manage',
  'Mutation.destroyTerminal': 'terminals:use',
  'Mutation.diagnoseSandbox': 'sandboxes:read',
  'Mutation.exec': 'processes:run',
  'Mutation.extendSandbox': 'sandboxes:manage',
  'Mutation.installPackages': 'processes:run',
  'Mutation.issueToken': 'tokens:issue',
  'Mutation.makeDirectory': 'files:write',
  'Mutation.movePath': 'files:write',
  'Mutation.reauthenticate': null,
  'Mutation.removePath': 'files:write',
  'Mutation.resizeTerminal': 'terminals:use',
  'Mutation.revokeTokens': 'tokens:revoke',
  'Mutation.runCode': 'processes:run',
  'Mutation.setQuota': 'quotas:write',
  'Mutation.shareSandbox': 'sandboxes:manage',
  'Mutation.signalProcess': 'processes:run',
  'Mutation.startProcess': 'processes:run',
  'Mutation.unshareSandbox': 'sandboxes:manage',
  'Mutation.updateSandbox': 'sandboxes:manage',
  'Mutation.waitProcess': 'processes:read',
  'Mutation.writeFile': 'files:write',
  'Mutation.writeFiles': 'files:write',
  'Mutation.writeStdin': 'processes:run',
  'Mutation.writeTerminal': 'terminals:use',
  'Subscription.fileChanges': 'files:read',
  'Subscription.processOutput': 'processes:read',
  'Subscription.sandboxEvents': 'sandboxes:read',
  'Subscription.terminalOutput': 'processes:read',
  'Subscription.usageUpdates': 'usage:read',
};
const PLAIN = 'plain';
const plain = (names: string): Record<string, string> =>
  Object.fromEntries(names.split(' ').map((name) => [name, PLAIN]));
const INNER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Process: {
    ...plain(
      'argv command cpuSeconds cwd durationMs endedAt exitCode id maxMemoryBytes pid purpose',
    ),
    ...plain('signal startedAt state timeoutMs'),
    output: 'processes:read',
    sandbox: 'sandboxes:read',
  },
  Terminal: {
    ...plain('cols command endedAt exitCode id rows startedAt state'),
    sandbox: 'sandboxes:read',
  },
  File: {
    ...plain('mode modifiedAt name path size symlinkTarget type'),
    content: 'files:read',
    sha256: 'files:read',
  },
  Viewer: {
    ...plain('ceilings expiresAt permissions plan providers rateLimits reach role sandboxIds'),
    ...plain('subject tenant'),
    quota: 'usage:read',
  },
  Sandbox: {
    ...plain('createdAt createdBy endedAt envNames expiresAt id labels networkAllow networkMode'),
    ...plain('provider readyAt state template tenant terminationMessage terminationReason'),
    directory: 'files:read',
    downloadUrl: 'files:read',
    file: 'files:read',
    fileExists: 'files:read',
    portUrl: 'ports:open',
    ports: 'sandboxes:read',
    processes: 'processes:read',
    queuePosition: 'sandboxes:read',
    resources: 'sandboxes:read',
    shares: 'sandboxes:read',
    terminals: 'processes:read',
    uploadUrl: 'files:write',
  },
};

const looks = ['sandboxes:read', 'processes:read', 'files:read', 'usage:read'];
const works = [
  ...looks,
  ...['sandboxes:create', 'sandboxes:manage', 'processes:run', 'terminals:use', 'files:write'],
  'ports:open',
];
const administers = ['audit:read', 'quotas:write', 'tokens:issue', 'tokens:revoke'];
/** Told again here: a role that silently gained a permission fails. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  viewer: looks,
  developer: works,
  operator: [...works, 'audit:read'],
  admin: [...works, ...administers],
  platform: [...works, ...administers],
};

const MISSING = { sandboxId: 'sbx_0000000000000000000a', processId: 'prc_0000000000000000000a' };
const samples = {
  ...MISSING,
  id: MISSING.sandboxId,
  ids: [MISSING.sandboxId],
  terminalId: 'trm_0000000000000000000a',
  // What nobody runs is not made.
  provider: 'nobody',
  path: 'there-is-none',
  role: 'viewer',
  tokenId: 'none',
  from: '2026-01-01T00:00:00Z',
  filter: undefined,
  command: 'true',
  text: 'x',
  packages: ['left-pad'],
  ttlSeconds: 60,
  limit: 1_000_000,
};
const samplesFor = (name: string): Record<string, unknown> => {
  const { filter: _, ...rest } = samples;
  if (name === 'Mutation.destroySandboxes') return { ...rest, filter: { text: 'no such thing' } };
  if (/Query\.process$/.test(name)) return { ...rest, id: MISSING.processId };
  if (/Query\.terminal$/.test(name)) return { ...rest, id: samples.terminalId };
  return rest;
};

type Kind = 'Query' | 'Mutation' | 'Subscription';
const fieldsOf = (type: string): GraphQLField<unknown, unknown>[] => {
  const found = contract.getType(type);
  return isObjectType(found) ? Object.values(found.getFields()) : [];
};
const all = (['Query', 'Mutation', 'Subscription'] as const).flatMap((kind) =>
  fieldsOf(kind).map((field) => ({ name: `${kind}.${field.name}`, kind, field })),
);
const operationOf = (kind: Kind) => kind.toLowerCase() as 'query' | 'mutation' | 'subscription';

/** The code of what one field answered, wherever it stands. */
const codeOf = ({ data, errors }: Partial<Answer>): string =>
  errors?.[0]?.extensions.code ??
  (Object.values(data ?? {})[0] as { code?: string } | undefined)?.code ??
  'none';

describe('the authorization of every field for every role', () => {
  let server: TestServer;
  let sandboxId: string;
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    server = await startServer({ SANDBANK_AUTH_FAILURES_PER_MINUTE: '100000' });
    for (const role of Object.keys(ROLES)) tokens[role] = server.token({ role, subject: 'dev' });
    sandboxId = await newSandbox(server, {}, tokens.developer);
  });
  afterAll(() => server?.stop());

  const first = async (stream: Stream): Promise<Partial<Answer>> => {
    for await (const answer of stream) return answer;
    return {};
  };
  const ask = async (
    { kind, field, name }: (typeof all)[number],
    token: string | null,
    over: Record<string, unknown> = {},
  ): Promise<Partial<Answer>> => {
    const { query, variables } = documentOf(operationOf(kind), field, {
      ...samplesFor(name),
      ...over,
    });
    if (kind !== 'Subscription' || token === null) return post(server, query, variables, token);
    const [{ subscribe }] = transports;
    const late = new Promise<Partial<Answer>>((resolve) => setTimeout(resolve, 300, {}));
    return Promise.race([first(subscribe(server, query, variables, token)), late]).catch(
      (errors: AnswerError[]) => ({ errors }),
    );
  };

  it('is decided for every field there is', () => {
    expect(all.map(({ name }) => name).sort()).toEqual(Object.keys(ROOT).sort());
    for (const [type, table] of Object.entries(INNER))
      expect(
        fieldsOf(type)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(Object.keys(table).sort());
  });

  it.each(all)('$name is UNAUTHENTICATED without a token', async (one) => {
    expect(codeOf(await ask(one, null))).toBe('UNAUTHENTICATED');
  });

  it('everything is TOKEN_EXPIRED for a token that has expired', async () => {
    const token = server.token({ ttlSeconds: -60 });
    for (const one of all.filter(({ kind }) => kind !== 'Subscription'))
      expect([one.name, codeOf(await ask(one, token))]).toEqual([one.name, 'TOKEN_EXPIRED']);
  });

  describe.each(Object.entries(ROLES))('as %s', (role, permissions) => {
    it.each(all)('$name', async (one) => {
      const code = codeOf(await ask(one, tokens[role] ?? ''));
      const needed = ROOT[one.name] ?? null;
      if (needed !== null && !permissions.includes(needed)) expect(code).toBe('FORBIDDEN');
      else expect(code).not.toMatch(/FORBIDDEN|UNAUTHENTICATED|INTERNAL|GRAPHQL/);
    });

    it.each(Object.entries(INNER.Sandbox ?? {}))('Sandbox.%s', async (name, needed) => {
      const field = fieldsOf('Sandbox').find((found) => found.name === name);
      if (!field) throw new Error(name);
      const { declared, text, variables } = callOf(field, { path: '/tmp', port: 80 });
      const query = `query ($sandbox: ID!${declared && `, ${declared}`}) { sandbox(id: $sandbox) { ${text} } }`;
      const answer = await post(server, query, { ...variables, sandbox: sandboxId }, tokens[role]);
      if (needed === PLAIN || permissions.includes(needed))
        expect(answer.errors?.[0]?.extensions.code ?? 'none').not.toMatch(
          /FORBIDDEN|INTERNAL|NOT_FOUND/,
        );
      else expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    });
  });

  it.each(
    all.filter(({ field }) => JSON.stringify(documentOf('query', field, samples)).includes('sbx_')),
  )('$name answers another’s id as one that there is not', async (one) => {
    const bare = (answer: Partial<Answer>): string =>
      JSON.stringify(answer)
        .replaceAll(sandboxId, 'ID')
        .replaceAll(MISSING.sandboxId, 'ID')
        .replace(/req_\w+/g, 'REQ');
    const over = { sandboxId, id: sandboxId, ids: [sandboxId] };
    for (const token of [
      server.token({ role: 'admin', tenant: 'others' }),
      server.token({ role: 'developer', subject: 'somebody else' }),
      server.token({ role: 'developer', subject: 'dev', scope: ['sandbox:sbx_none'] }),
    ])
      expect(bare(await ask(one, token, over))).toBe(bare(await ask(one, token)));
  });
});
