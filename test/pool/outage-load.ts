import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { ask, type MutationField, mutate, post } from '../helpers/client.ts';
import { type Member, type Row, until } from '../helpers/fleet.ts';

type Refusal = { code: string; retryable: boolean; details?: Row };
type Verdict = 'done' | 'refused' | 'maybe';

const RAN = '/home/user/ran';

/**
 * Reads, writes, creates, commands and starts all the time. Remembers each answer that is neither right nor a clear refusal, and counts what
 * really ran: what was acknowledged did so once, what was refused for now did not, and what may have run is never repeated by the server.
 */
export const loadOn = (server: Member, sandboxId: string) => {
  const wrong: unknown[] = [];
  const tokens = new Map<string, Verdict>();
  const made = new Map<string, string>();
  let answered = 0;
  let refused = 0;
  let isOver = false;

  const judge = (errors: readonly Refusal[]): Verdict => {
    // What was done and could not be recorded says so, and is not to be repeated.
    const isUnclear = errors.some(
      ({ retryable, details }) => !retryable && (details?.target || details?.ambiguous),
    );
    if (errors.length > 0 && !isUnclear) {
      if (errors.every(({ code, retryable }) => retryable && code !== 'INTERNAL')) refused += 1;
      else wrong.push(errors);
      return 'refused';
    }
    answered += 1;
    return isUnclear ? 'maybe' : 'done';
  };
  const send = async (query: string, variables: object = {}) => {
    const { data, errors = [] } = await post<Record<string, Row>>(server, query, variables);
    const [payload] = Object.values(data ?? {});
    const failure = payload?.code ? [payload] : [];
    const verdict = judge([...errors.map(({ extensions }) => extensions), ...failure]);
    return { verdict, payload };
  };
  const change = (field: MutationField, type: string, payload: string, input: object) =>
    send(
      `mutation ($input: ${type}!) { ${field}(input: $input) { ... on Error { code message retryable details } ... on ${payload} } }`,
      { input },
    );
  const client = async (turn: (index: number) => Promise<void>): Promise<void> => {
    for (let index = 0; !isOver; index += 1) {
      await turn(index).catch((error: unknown) => wrong.push(String(error)));
      await sleep(20);
    }
  };
  const reads = async (): Promise<void> => {
    await send('{ sandboxes(first: 5) { edges { node { id } } } }');
  };
  const labels = (name: string) => async (index: number) => {
    const input = { sandboxId, labels: [{ key: name, value: `${index}` }] };
    await change('updateSandbox', 'UpdateSandboxInput', 'SandboxPayload { __typename }', input);
  };
  const commands = async (index: number): Promise<void> => {
    const token = `exec-${index}`;
    const input = { sandboxId, command: `echo ${token} >> ${RAN}` };
    const { verdict } = await change('exec', 'ExecInput', 'ExecPayload { exitCode }', input);
    tokens.set(token, verdict);
  };
  /** The same request, with its key, until it is not refused any more. */
  const starts = async (index: number): Promise<void> => {
    const token = `start-${index}`;
    const command = `echo ${token} >> ${RAN}`;
    const input = { sandboxId, command, idempotencyKey: token };
    const ask = () =>
      change('startProcess', 'StartProcessInput', 'ProcessPayload { process { id } }', input);
    let { verdict } = await ask();
    while (verdict === 'refused' && !isOver) {
      await sleep(100);
      ({ verdict } = await ask());
    }
    tokens.set(token, verdict === 'refused' ? 'maybe' : verdict);
  };
  const creates = async (index: number): Promise<void> => {
    const key = `create-${index}`;
    const input = { idempotencyKey: key, labels: [{ key: 'made', value: key }] };
    const { verdict, payload } = await change(
      'createSandbox',
      'CreateSandboxInput',
      'SandboxPayload { sandbox { id } }',
      input,
    );
    if (verdict === 'done' && payload?.sandbox) made.set(key, payload.sandbox.id);
    await sleep(1_000);
  };
  const turns = [reads, labels('a'), labels('b'), commands, starts, creates];
  const all = turns.map(client);

  const countRuns = async (): Promise<void> => {
    const running = `query ($id: ID!) { sandbox(id: $id) { processes(first: 1, states: [STARTING, RUNNING]) { edges { cursor } } } }`;
    await until(
      async () =>
        (await ask<Row>(server, running, { id: sandboxId })).sandbox.processes.edges.length === 0,
    );
    const { stdout } = await mutate(server, 'exec', 'stdout', {
      ...{ sandboxId, command: `cat ${RAN}` },
    });
    const runs = (stdout as string).split('\n');
    const miscounted = [...tokens].filter(([token, verdict]) => {
      const count = runs.filter((run) => run === token).length;
      return verdict === 'maybe' ? count > 1 : count !== (verdict === 'done' ? 1 : 0);
    });
    expect(miscounted).toEqual([]);
  };
  const countSandboxes = async (): Promise<void> => {
    const query =
      'query ($filter: SandboxFilter) { sandboxes(first: 100, filter: $filter) { edges { node { id } } } }';
    for (const [value, id] of made) {
      const filter = { labels: [{ key: 'made', value }] };
      const { sandboxes } = await ask<Row>(server, query, { filter });
      expect(sandboxes.edges.map(({ node }: Row) => node.id)).toContain(id);
      await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: id });
    }
  };
  return {
    counts: () => ({ answered, refused }),
    async end(): Promise<void> {
      isOver = true;
      await Promise.all(all);
      expect(wrong).toEqual([]);
    },
    /** After the end, and after all other processes of the sandbox. */
    async count(): Promise<void> {
      await countRuns();
      await countSandboxes();
    },
  };
};
