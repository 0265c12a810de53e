import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutate, newSandbox, post } from '../helpers/client.ts';
import { createRandom } from '../helpers/generator.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { sizeOf } from '../helpers/size.ts';

const CALLS = sizeOf('SANDBANK_TEST_CALLS', 3_000);
const AT_ONCE = 8;
/** These make or end more than the one sandbox, or take long. */
const LEFT_OUT = ['createSandbox', 'destroySandbox', 'destroySandboxes', 'installPackages'];

const texts = [
  ...['', 'a\0b', '\ud800', '💥', '\r\n', '$(id)', '-1', '{}', 'x'.repeat(5_000)],
  ...['__proto__', 'constructor', '%00', 'sbx_none', 'prc_none'],
  ...['/', '/tmp/f', '/home/user', '../../etc/passwd', '/proc/self/mem', '/dev/zero'],
];
const numbers: Record<string, readonly number[]> = {
  Int: [-1, 0, 1, 80, 1_000, 2 ** 31 - 1],
  Byte: [0, 1, 2 ** 20, 2 ** 53 - 1],
  Float: [-1, 0, 0.5, 1e300],
};

describe('mutations with random input that matches the schema', () => {
  const contract = buildSchema(readFileSync('schema/schema.graphql', 'utf8'));
  const mutations = Object.values(contract.getMutationType()?.getFields() ?? {}).filter(
    ({ name }) => !LEFT_OUT.includes(name),
  );
  let server: TestServer;
  let ids: Record<string, string>;
  beforeAll(async () => {
    server = await startServer();
    const sandboxId = await newSandbox(server);
    const input = { sandboxId, command: 'cat' };
    const { process } = await mutate(server, 'startProcess', 'process { id }', input);
    const { terminal } = await mutate(server, 'createTerminal', 'terminal { id }', { sandboxId });
    ids = { sandboxId, processId: process.id, terminalId: terminal.id };
  });
  afterAll(() => server.stop());

  const { below: random, pick } = createRandom(7);

  const make = (type: GraphQLInputType, name: string): unknown => {
    if (isNonNullType(type)) return make(type.ofType, name);
    // A call must end soon.
    if (name === 'timeoutMs') return pick([1, 50, 200]);
    if (ids[name] && random(5)) return ids[name];
    if (isInputObjectType(type))
      return Object.fromEntries(
        Object.values(type.getFields())
          .filter((field) => isNonNullType(field.type) || field.name === 'timeoutMs' || random(2))
          .map((field) => [field.name, make(field.type, field.name)]),
      );
    if (isListType(type)) return Array.from({ length: random(4) }, () => make(type.ofType, name));
    if (isEnumType(type)) return pick(type.getValues()).name;
    if (numbers[type.name]) return pick(numbers[type.name] ?? []);
    if (type.name === 'Boolean') return random(2) === 1;
    return type.name === 'Base64' ? pick(['', 'eA==', 'ZWNobyBoaQo=']) : pick(texts);
  };

  it(
    `are answered ${CALLS.toLocaleString('en')} times with the code of what is wrong, and never by INTERNAL`,
    async () => {
      const codes = new Map<string, number>();
      const failures: unknown[] = [];
      const work = async (): Promise<void> => {
        for (let call = 0; call < CALLS / AT_ONCE; call += 1) {
          const { name, args } = pick(mutations);
          const [argument] = args;
          if (!argument) throw new Error(`${name} has no input`);
          const input = make(argument.type, 'input');
          const query = `mutation ($input: ${argument.type}) { ${name}(input: $input) { __typename ... on Error { code message } } }`;
          const { status, data, errors } = await post(server, query, { input });
          const code = errors?.[0]?.extensions.code ?? data?.[name as 'exec']?.code ?? 'none';
          codes.set(code, (codes.get(code) ?? 0) + 1);
          if (status >= 500 || code === 'INTERNAL') failures.push({ name, input, data, errors });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      expect(failures).toEqual([]);
      // It is nonsense of many kinds, and some of it is none.
      expect([...codes.keys()]).toEqual(
        expect.arrayContaining(['none', 'INVALID_ARGUMENT', 'NOT_FOUND']),
      );
      expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    },
    300_000 + CALLS * 100,
  );
});
