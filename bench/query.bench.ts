import autocannon from 'autocannon';
import { launchBaseline, launchSandbank } from './launch.ts';
import { quantile, type Row, round, row } from './measure.ts';

const body = JSON.stringify({ query: '{ viewer { subject tenant role } }' });
const WARM_UP = 3;
const ROUNDS = 7;

const rate = async (url: string, headers: Record<string, string>): Promise<number> => {
  const result = await autocannon({
    url,
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    connections: 16,
    duration: 2,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} answers not 2xx, ${result.errors} errors`);
  return result.requests.average;
};

/** Requests per second of one small query, servers taking turns so that a noisy neighbour hits all alike. */
export const run = async (): Promise<Row[]> => {
  const sandbank = await launchSandbank({ SANDBANK_WARM_SANDBOXES: '0' });
  const apollo = await launchBaseline('apollo');
  const mercurius = await launchBaseline('mercurius');
  const subjects = [
    {
      name: 'sandbank',
      url: sandbank.url,
      headers: { authorization: `Bearer ${sandbank.token}` },
      rates: [] as number[],
    },
    { name: 'apollo', url: apollo.url, headers: {}, rates: [] as number[] },
    { name: 'mercurius', url: mercurius.url, headers: {}, rates: [] as number[] },
  ];
  try {
    for (let turn = 0; turn < WARM_UP + ROUNDS; turn += 1) {
      for (const subject of subjects) {
        const measured = await rate(subject.url, subject.headers);
        if (turn >= WARM_UP) subject.rates.push(measured);
      }
    }
  } finally {
    await Promise.all([sandbank.stop(), apollo.stop(), mercurius.stop()]);
  }
  const [ours = 0, theirs = 0, others = 0] = subjects.map((subject) =>
    quantile(subject.rates, 0.5),
  );
  return [
    row(
      'simple query, requests/s against Apollo Server 5',
      `${round(ours / theirs)} × (${round(ours, 0)} / ${round(theirs, 0)})`,
      '≥ 1 ×',
      ours >= theirs,
    ),
    row(
      'simple query, requests/s against Mercurius',
      `${round(ours / others)} × (${round(ours, 0)} / ${round(others, 0)})`,
      '≥ 1 ×',
      ours >= others,
    ),
  ];
};
