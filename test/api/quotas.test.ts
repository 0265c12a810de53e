import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Data } from '../helpers/answers.ts';
import { ask, mutate, newSandbox, overSse, overWebSocket, post } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const QUOTA = '... on QuotaExceeded { quota limit used resetAt }';
const CREATE = `mutation ($input: CreateSandboxInput!) { createSandbox(input: $input) { __typename ... on SandboxPayload { sandbox { id state queuePosition } } ... on Error { code message retryable } ${QUOTA} } }`;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('quotas and usage', () => {
  let server: TestServer;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbank-access-'));
    const file = join(dir, 'access.json');
    const plans = {
      ten: { quotas: [{ metric: 'concurrentSandboxes', limit: 10 }] },
      two: { quotas: [{ metric: 'concurrentSandboxes', limit: 2 }] },
      each: {
        quotas: [
          { metric: 'concurrentSandboxes', limit: 3 },
          { metric: 'concurrentSandboxes', per: 'subject', limit: 1 },
        ],
      },
      few: { quotas: [{ metric: 'executions', window: 'day', limit: 5 }] },
      short: { quotas: [{ metric: 'sandboxSeconds', window: 'hour', limit: 0.05 }] },
    };
    const roles = {
      small: {
        extends: 'developer',
        providers: ['local'],
        ceilings: {
          cpus: 0.5,
          memoryBytes: 2 ** 27,
          executionSeconds: 1,
          lifetimeSeconds: 60,
          concurrentSandboxes: 1,
        },
      },
      clamped: { extends: 'developer', ceilings: { cpus: 0.5 }, overCeiling: 'clamp' },
      elsewhere: { extends: 'developer', providers: ['e2b'] },
    };
    await writeFile(file, JSON.stringify({ plans, roles }));
    server = await startServer({
      SANDBANK_ACCESS_FILE: file,
      SANDBANK_USAGE_SECONDS: '1',
      SANDBANK_WARM_SANDBOXES: '4',
    });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const create = async (token: string, input: object = {}): Promise<Data['createSandbox']> =>
    (await ask(server, CREATE, { input }, token)).createSandbox;
  const destroy = (token: string, sandboxId: string) =>
    mutate(server, 'destroySandbox', 'sandbox { state }', { sandboxId }, token);
  const alive = async (token: string): Promise<number> =>
    (
      await ask(
        server,
        '{ sandboxes(first: 1, filter: { states: [CREATING, READY, DESTROYING] }) { totalCount } }',
        {},
        token,
      )
    ).sandboxes.totalCount;

  it('let ten of a thousand through that come at once, and the next when one has gone', async () => {
    const token = server.token({ tenant: 'ten', plan: 'ten' });
    let most = 0;
    let counting = true;
    const counted = (async () => {
      while (counting) most = Math.max(most, await alive(token));
    })();
    const results = await Promise.all(Array.from({ length: 1_000 }, () => create(token)));
    counting = false;
    await counted;
    const made = results.filter((one) => one.__typename === 'SandboxPayload');
    expect([made.length, await alive(token), most]).toEqual([10, 10, 10]);
    const refused = results.filter((one) => one.__typename === 'QuotaExceeded');
    expect(refused.length).toBe(990);
    expect(refused[0]).toMatchObject({
      ...{ code: 'QUOTA_EXCEEDED', quota: 'CONCURRENT_SANDBOXES', limit: 10, used: 10 },
      resetAt: null,
    });
    await destroy(token, made[0]?.sandbox.id ?? '');
    expect((await create(token)).__typename).toBe('SandboxPayload');
    expect((await create(token)).__typename).toBe('QuotaExceeded');
    const answer = await mutate(
      ...([
        server,
        'destroySandboxes',
        'sandboxes { id }',
        { filter: { states: ['READY'] } },
        token,
      ] as const),
    );
    expect(answer.sandboxes.length).toBe(10);
  }, 120_000);

  it('are told of: what there is, what is left, and at 80 %', async () => {
    const token = server.token({ tenant: 'told', plan: 'few' });
    const sandboxId = await newSandbox(server, {}, token);
    const run = () => mutate(server, 'exec', 'exitCode', { sandboxId, command: 'true' }, token);
    for (let call = 0; call < 4; call += 1) expect((await run()).exitCode).toBe(0);
    const { quota } = (
      await ask(
        server,
        '{ viewer { quota { metric window limit used remaining resetAt } } }',
        {},
        token,
      )
    ).viewer;
    expect(quota).toEqual([
      expect.objectContaining({
        metric: 'EXECUTIONS',
        window: 'DAY',
        limit: 5,
        used: 4,
        remaining: 1,
      }),
    ]);
    expect(Date.parse(quota[0]?.resetAt ?? '')).toBeGreaterThan(Date.now());
    const query =
      'subscription { usageUpdates { __typename cursor ... on UsageRecorded { metric amount sandboxId } ... on QuotaThresholdReached { metric limit used } } }';
    for (const subscribe of [overWebSocket, overSse]) {
      let executions = 0;
      for await (const { data } of subscribe(server, query, {}, token)) {
        const event = data.usageUpdates;
        if (event.metric === 'EXECUTIONS' && event.amount) executions += event.amount;
        if (event.__typename !== 'QuotaThresholdReached') continue;
        expect(event).toMatchObject({ metric: 'EXECUTIONS', limit: 5, used: 4 });
        break;
      }
      expect(executions).toBe(4);
    }
    expect((await run()).exitCode).toBe(0);
    expect(await run()).toMatchObject({
      __typename: 'QuotaExceeded',
      code: 'QUOTA_EXCEEDED',
      retryable: true,
    });
    const terminal = await mutate(
      server,
      'createTerminal',
      'terminal { id }',
      { sandboxId },
      token,
    );
    expect(terminal.__typename).toBe('QuotaExceeded');
  });

  it('can be set lower by a tenant’s admin, higher by the platform’s alone, and taken back', async () => {
    const admin = server.token({ tenant: 'set', plan: 'two' });
    const platform = server.token({ role: 'platform', tenant: 'operators' });
    const set = (token: string, input: object) =>
      mutate(
        server,
        'setQuota',
        'quotas { metric subject limit }',
        { metric: 'CONCURRENT_SANDBOXES', ...input },
        token,
      );
    const one = await newSandbox(server, {}, admin);
    expect((await set(admin, { limit: 1 })).quotas).toEqual([
      { metric: 'CONCURRENT_SANDBOXES', subject: null, limit: 1 },
    ]);
    expect((await create(admin)).__typename).toBe('QuotaExceeded');
    expect(await set(admin, { limit: 3 })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'concurrentSandboxes', maximum: 2, requested: 3 },
    });
    expect((await set(admin, {})).quotas[0]?.limit).toBe(2);
    // The plan of a tenant that does not ask itself is that of its newest sandbox.
    expect((await set(platform, { tenant: 'set', limit: 3 })).quotas[0]?.limit).toBe(3);
    for (const expected of ['SandboxPayload', 'SandboxPayload', 'QuotaExceeded'])
      expect((await create(admin)).__typename).toBe(expected);
    expect((await set(admin, { tenant: 'others', limit: 1 })).code).toBe('FORBIDDEN');
    await set(admin, { subject: 'bob', limit: 0 });
    const bob = server.token({ tenant: 'set', plan: 'two', subject: 'bob', role: 'developer' });
    await destroy(admin, one);
    expect(await create(bob)).toMatchObject({ __typename: 'QuotaExceeded', limit: 0 });
  });

  it('hold what a role allows: it is refused or cut, and named', async () => {
    const token = server.token({ tenant: 'small', role: 'small', subject: 'sam' });
    for (const [input, limit, maximum] of [
      [{ cpus: 1 }, 'cpus', 0.5],
      [{ memoryBytes: 2 ** 28 }, 'memoryBytes', 2 ** 27],
      [{ timeoutSeconds: 61 }, 'lifetimeSeconds', 60],
    ] as const) {
      const query = `mutation ($input: CreateSandboxInput!) { createSandbox(input: $input) { ... on Error { code details } } }`;
      const { createSandbox } = await ask(server, query, { input }, token);
      expect(createSandbox).toMatchObject({ code: 'LIMIT_EXCEEDED', details: { limit, maximum } });
    }
    const made = await create(token);
    const sandboxId = made.sandbox.id;
    expect(await create(token)).toMatchObject({ code: 'QUOTA_EXCEEDED', limit: 1, used: 1 });
    const { sandbox } = await ask(
      server,
      'query ($id: ID!) { sandbox(id: $id) { createdAt expiresAt resources { cpuLimit memoryLimitBytes } } }',
      { id: sandboxId },
      token,
    );
    expect(sandbox.resources).toEqual({ cpuLimit: 0.5, memoryLimitBytes: 2 ** 27 });
    expect(Date.parse(sandbox.expiresAt) - Date.parse(sandbox.createdAt)).toBeLessThanOrEqual(
      61_000,
    );
    const exec = (input: object) =>
      mutate(server, 'exec', 'process { state timeoutMs }', { sandboxId, ...input }, token);
    expect((await exec({ command: 'sleep 30' })).process).toEqual({
      state: 'TIMED_OUT',
      timeoutMs: 1_000,
    });
    expect((await exec({ command: 'true', timeoutMs: 1_001 })).code).toBe('LIMIT_EXCEEDED');
    const extend = { sandboxId, timeoutSeconds: 600 };
    expect((await mutate(server, 'extendSandbox', 'sandbox { id }', extend, token)).code).toBe(
      'LIMIT_EXCEEDED',
    );
    const clamped = server.token({ tenant: 'small', role: 'clamped', subject: 'cleo' });
    const cut = await create(clamped, { cpus: 4 });
    const limit = await ask(
      server,
      'query ($id: ID!) { sandbox(id: $id) { resources { cpuLimit } } }',
      { id: cut.sandbox.id },
      clamped,
    );
    expect(limit.sandbox.resources.cpuLimit).toBe(0.5);
    const elsewhere = server.token({ tenant: 'small', role: 'elsewhere' });
    expect(await create(elsewhere)).toMatchObject({
      code: 'UNAVAILABLE',
      message: /role does not allow/,
    });
    expect((await ask(server, '{ providers { name } }', {}, elsewhere)).providers).toEqual([]);
  });

  it('measure what was used, once: by metric, subject and sandbox', async () => {
    const token = server.token({ tenant: 'used', subject: 'ann' });
    const sandboxId = await newSandbox(server, {}, token);
    const command = 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done';
    await mutate(server, 'exec', 'exitCode', { sandboxId, command }, token);
    await sleep(1_500);
    await destroy(token, sandboxId);
    const from = new Date(Date.now() - 86_400_000).toISOString();
    const to = new Date(Date.now() + 60_000).toISOString();
    const usage = async (groupBy: string, as = token) =>
      (
        await ask(
          server,
          'query ($from: DateTime!, $to: DateTime, $groupBy: UsageGroup) { usage(from: $from, to: $to, groupBy: $groupBy) { metric amount subject sandboxId from } }',
          { from, to, groupBy },
          as,
        )
      ).usage;
    const amounts = Object.fromEntries(
      (await usage('METRIC')).map(({ metric, amount }) => [metric, amount]),
    );
    expect(amounts.EXECUTIONS).toBe(1);
    expect(amounts.CPU_SECONDS).toBeGreaterThan(0.05);
    expect(amounts.SANDBOX_SECONDS).toBeGreaterThan(1.4);
    expect(amounts.MEMORY_MB_SECONDS).toBeGreaterThan(1);
    const { sandbox } = await ask(
      server,
      'query ($id: ID!) { sandbox(id: $id) { readyAt endedAt } }',
      { id: sandboxId },
      token,
    );
    const life = (Date.parse(sandbox.endedAt) - Date.parse(sandbox.readyAt)) / 1_000;
    expect(amounts.SANDBOX_SECONDS).toBeLessThanOrEqual(life);
    for (const [groupBy, key, value] of [
      ['SUBJECT', 'subject', 'ann'],
      ['SANDBOX_ID', 'sandboxId', sandboxId],
    ] as const)
      expect(new Set((await usage(groupBy)).map((row) => row[key]))).toEqual(new Set([value]));
    expect((await usage('HOUR')).every((row) => Date.parse(row.from) % 3_600_000 === 0)).toBe(true);
    // Others of the tenant see what is theirs.
    const bob = server.token({ tenant: 'used', subject: 'bob', role: 'developer' });
    expect(await usage('METRIC', bob)).toEqual([]);
    const nosy = 'query ($from: DateTime!) { usage(from: $from, subject: "ann") { amount } }';
    expect((await post(server, nosy, { from }, bob)).errors?.[0]?.extensions.code).toBe(
      'FORBIDDEN',
    );
  });

  it('refuse what is new when a window is used up, and leave what runs alone', async () => {
    const token = server.token({ tenant: 'short', plan: 'short' });
    const sandboxId = await newSandbox(server, {}, token);
    await sleep(2_200);
    expect(await create(token)).toMatchObject({
      ...{ code: 'QUOTA_EXCEEDED', quota: 'SANDBOX_SECONDS', retryable: true },
    });
    const { exitCode } = await mutate(
      server,
      'exec',
      'exitCode',
      { sandboxId, command: 'true' },
      token,
    );
    expect(exitCode).toBe(0);
  });

  describe('a waiting room', () => {
    const stateOf = async (
      token: string,
      id: string,
    ): Promise<{ state: string; queuePosition: number | null }> =>
      (
        await ask(
          server,
          'query ($id: ID!) { sandbox(id: $id) { state queuePosition } }',
          { id },
          token,
        )
      ).sandbox;
    const until = async (token: string, id: string, state: string): Promise<void> => {
      while ((await stateOf(token, id)).state !== state) await sleep(20);
    };

    it('takes those that wait in their order, and tells their place', async () => {
      const token = server.token({ tenant: 'queue', plan: 'two' });
      const [first, second] = [await create(token), await create(token)];
      const waiting = [];
      for (let place = 1; place <= 3; place += 1) {
        const { sandbox } = await create(token, { wait: true });
        expect(sandbox).toMatchObject({ state: 'QUEUED', queuePosition: place });
        waiting.push(sandbox.id);
      }
      // Who does not wait is refused, and who waits cannot be used yet.
      expect((await create(token)).code).toBe('QUOTA_EXCEEDED');
      const early = await mutate(
        server,
        'exec',
        'exitCode',
        { sandboxId: waiting[0] ?? '', command: 'true' },
        token,
      );
      expect(early).toMatchObject({ code: 'TERMINATED', retryable: true });
      await destroy(token, first.sandbox.id);
      await until(token, waiting[0] ?? '', 'READY');
      expect(await stateOf(token, waiting[1] ?? '')).toEqual({ state: 'QUEUED', queuePosition: 1 });
      // One that is destroyed while it waits makes way.
      await destroy(token, waiting[1] ?? '');
      expect(await stateOf(token, waiting[2] ?? '')).toEqual({ state: 'QUEUED', queuePosition: 1 });
      await destroy(token, second.sandbox.id);
      await until(token, waiting[2] ?? '', 'READY');
      const kinds: string[] = [];
      for await (const { data } of overWebSocket(
        server,
        'subscription ($id: ID!) { sandboxEvents(filter: { sandboxIds: [$id] }) { __typename ... on SandboxQueued { position } } }',
        { id: waiting[2] ?? '' },
        token,
      )) {
        kinds.push(data.sandboxEvents.__typename);
        if (data.sandboxEvents.__typename === 'SandboxQueued')
          expect(data.sandboxEvents.position).toBe(3);
        if (data.sandboxEvents.__typename === 'SandboxReady') break;
      }
      expect(kinds).toEqual(['SandboxQueued', 'SandboxCreated', 'SandboxReady']);
    });

    it('lets nobody wait behind a subject that has no room of its own', async () => {
      const [ann, bob] = ['ann', 'bob'].map((subject) =>
        server.token({ tenant: 'subjects', plan: 'each', subject, role: 'developer' }),
      ) as [string, string];
      const own = await create(ann);
      const behind = await create(ann, { wait: true });
      expect(behind.sandbox.state).toBe('QUEUED');
      const other = await create(bob, { wait: true });
      await until(bob, other.sandbox.id, 'READY');
      expect((await stateOf(ann, behind.sandbox.id)).state).toBe('QUEUED');
      await destroy(ann, own.sandbox.id);
      await until(ann, behind.sandbox.id, 'READY');
    });
  });
});
