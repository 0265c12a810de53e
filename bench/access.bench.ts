import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { openRevocations } from '../src/authentication/revocations.ts';
import { createTokens } from '../src/authentication/tokens.ts';
import { guard } from '../src/authorization/guard.ts';
import { openLimiterStore } from '../src/limits/limiter-store.ts';
import { builtInPlans } from '../src/limits/plans.ts';
import { createRateLimits } from '../src/limits/rate-limits.ts';
import { launchBaseline, launchSandbank } from './launch.ts';
import { quantile, type Row, round, row, timed } from './measure.ts';

const QUERY = JSON.stringify({ query: '{ viewer { subject tenant role } }' });
/** Points a second of the loud tenant; the query costs about four. */
const LIMIT = 400;
const TIMES = 50;
const CALLS = 100_000;
const SAMPLES = 700;
const TURNS = 5;
type Beside = { p99: number; p50: number; ok: number; refused: number };

/** What is done for every request besides its work: the token, the revocations, the permission, the rate limit. */
const costOfAuthorization = async (): Promise<Row[]> => {
  const log = pino({ level: 'silent' });
  const tokens = createTokens({ secret: 'a secret of the benchmark, 32 bytes or more' });
  const revocations = await openRevocations({
    store: {
      insert: async () => undefined,
      since: async () => [
        ...['token', 'subject', 'tenant'].map((kind) => ({
          ...{ id: kind, tenant: 'others', kind: kind as 'token', value: 'x', before: 0 },
          ...{ createdBy: 'x', createdAt: 0 },
        })),
      ],
    },
    log,
  });
  const { makeLimiter } = await openLimiterStore(undefined, log);
  const rates = createRateLimits({ plans: builtInPlans, makeLimiter, log });
  const audit = {
    recordDone: async () => undefined,
    recordFailure: async () => undefined,
    recordInBackground: () => undefined,
    dispose: async () => undefined,
  };
  const raw = { get: async (_: unknown, id: string) => id };
  const guarded = guard(
    raw,
    { get: { permission: 'sandboxes:read', action: 'get', target: (id: string) => id } } as never,
    { audit, rates },
  );
  const { token } = tokens.issue({ subject: 's', tenant: 't', role: 'developer', ttlSeconds: 600 });
  const identity = await tokens.verify(token);
  const caller = { ...identity, requestId: 'req', address: null };
  const perCall = async (work: () => Promise<unknown>): Promise<number> => {
    const runs: number[] = [];
    for (let turn = 0; turn < 7; turn += 1)
      runs.push(
        await timed(async () => {
          for (let call = 0; call < CALLS; call += 1) await work();
        }),
      );
    return (quantile(runs, 0.5) / CALLS) * 1_000;
  };
  const bare = await perCall(() => raw.get(caller, 'sbx'));
  const full = await perCall(async () => {
    const known = await tokens.verify(token);
    revocations.check(known);
    const principal = { ...known, requestId: 'req', address: null };
    await rates.consume(principal, 'reads', 1);
    return guarded.get(principal, 'sbx');
  });
  const first = await perCall(() => tokens.verify(`${token}`).then(() => tokens.verify(token)));
  revocations.dispose();
  return [
    row(
      'authorization of a request: token, revocations, rate limit, permission (µs)',
      `${round(full - bare)} µs (${round(full)} − ${round(bare)}), of which the known token ${round(first / 2)}`,
    ),
  ];
};

const noisyNeighbour = async (): Promise<Row[]> => {
  const accessFile = join(await mkdtemp(join(tmpdir(), 'sandbank-bench-')), 'access.json');
  const reads = { points: LIMIT * 60, seconds: 60 };
  await writeFile(accessFile, JSON.stringify({ plans: { loud: { rates: { reads } } } }));
  const server = await launchSandbank({
    SANDBANK_WARM_SANDBOXES: '0',
    SANDBANK_ACCESS_FILE: accessFile,
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        authorization: `Bearer ${server.token}`,
      };
      const call = request(server.url, { agent, method: 'POST', headers }, (answer) => {
        answer.resume().once('end', resolve);
      });
      call.once('error', reject).end(QUERY);
    });
  /** One request every 5 ms, as a dashboard asks. */
  const latencies = async (): Promise<number[]> => {
    const samples: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      samples.push(await timed(ask));
      await sleep(5);
    }
    return samples;
  };
  const { token } = createTokens({ secret: 'a secret of the benchmark, 32 bytes or more' }).issue({
    ...{ subject: 'loud', tenant: 'loud', role: 'viewer', plan: 'loud', ttlSeconds: 600 },
  });
  const perSecond = (LIMIT / 4) * TIMES;
  /** p99 and p50 while somebody sends `perSecond` requests to `url`. */
  const beside = async (url: string): Promise<Beside> => {
    const flood = spawn(
      process.execPath,
      ['bench/baselines/flood.ts', url, token, QUERY, String(perSecond), '7'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    // Read from the start: what nobody reads is thrown away when the process ends.
    const summary = text(flood.stdout);
    await sleep(2_000);
    const samples = await latencies();
    const { ok, refused } = JSON.parse(await summary) as { ok: number; refused: number };
    return { p99: quantile(samples, 0.99), p50: quantile(samples, 0.5), ok, refused };
  };
  const elsewhere = await launchBaseline('refuse');
  try {
    await latencies();
    const alone = quantile(await latencies(), 0.99);
    // In turns, so that a noisy hour of the machine hits both alike; the middle one of each counts.
    const turns: { other: Beside; here: Beside }[] = [];
    for (let turn = 0; turn < TURNS; turn += 1)
      turns.push({ other: await beside(elsewhere.url), here: await beside(server.url) });
    const middle = (pick: (turn: { other: Beside; here: Beside }) => Beside): Beside =>
      turns.map(pick).sort((a, b) => a.p99 - b.p99)[Math.floor(TURNS / 2)] as Beside;
    const other = middle((turn) => turn.other);
    const here = middle((turn) => turn.here);
    const share = round((here.refused / (here.ok + here.refused)) * 100, 0);
    return [
      row(
        `p99 of one tenant while another sends ${TIMES} × its limit (${perSecond}/s, ${share} % refused), against the same flood sent to another process of this machine`,
        `${round(here.p99 / other.p99)} × (${round(here.p99)} / ${round(other.p99)} ms; alone ${round(alone)} ms; p50 ${round(here.p50)} / ${round(other.p50)})`,
        '≤ 1.5 ×',
        here.p99 / other.p99 <= 1.5,
      ),
    ];
  } finally {
    agent.destroy();
    await elsewhere.stop();
    await server.stop();
  }
};

export const run = async (): Promise<Row[]> => [
  ...(await costOfAuthorization()),
  ...(await noisyNeighbour()),
];
