import {
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { contract } from './documents.ts';

/** Numbers that are the same in every run. */
export const createRandom = (start: number) => {
  let seed = start;
  const below = (max: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * max);
  };
  return {
    below,
    chance: (percent: number): boolean => below(100) < percent,
    pick: <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item,
  };
};
type Random = ReturnType<typeof createRandom>;

const texts = [
  ...['', 'a\0b', '\ud800', '\udfff\ud800', '💥', '\r\n', "'; drop table audit; --", '%00', '-1'],
  ...['__proto__', 'constructor', 'toString', '../../etc/passwd', '/proc/self/mem', '{{7*7}}'],
  ...['sbx_none', 'prc_none', 'x'.repeat(5_000), '\u202e', '\ufeff', 'ÿ'.repeat(300), '{"a":1}'],
];
const numbers = [
  ...[0, 1, -1, 2, 100, 101, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 53 + 2, 1e308, 0.1],
];

const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);
const nested = (depth: number): unknown =>
  depth === 0 ? null : JSON.parse(`{"__proto__": ${JSON.stringify(nested(depth - 1))}, "a": 1}`);

const anything = (random: Random): unknown =>
  random.pick<() => unknown>([
    () => random.pick(texts),
    () => random.pick(numbers),
    () => null,
    () => true,
    () => deep(random.below(200)),
    () => nested(random.below(20)),
    () => Array(random.below(500)).fill(random.pick(texts)),
    () => ({ [random.pick(texts)]: random.pick(texts) }),
  ])();

export type Ids = Readonly<Record<string, string>>;

/** A value of a type, or now and then of none. */
const valueFor = (type: GraphQLInputType, name: string, ids: Ids, random: Random): unknown => {
  if (random.chance(8)) return anything(random);
  if (isNonNullType(type)) return valueFor(type.ofType, name, ids, random);
  if (name === 'timeoutMs' || name === 'ttlSeconds') return 1 + random.below(50);
  const known = ids[name];
  if (known !== undefined && random.chance(70)) return known;
  if (isListType(type))
    return Array.from({ length: random.below(4) }, () => valueFor(type.ofType, name, ids, random));
  if (isEnumType(type)) return random.pick(type.getValues()).name;
  if (isInputObjectType(type))
    return Object.fromEntries(
      Object.values(type.getFields())
        .filter((field) => isNonNullType(field.type) || random.chance(40))
        .map((field) => [field.name, valueFor(field.type, field.name, ids, random)]),
    );
  if (type.name === 'Boolean') return random.chance(50);
  if (/Int|Float|Byte/.test(type.name)) return random.pick(numbers);
  return random.pick(texts);
};

/** A text that was a document once. */
const damage = (text: string, random: Random): string => {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + random.below(12));
  const put = random.pick([
    '',
    '{',
    '}',
    '(',
    '$',
    '...',
    '@',
    '"""',
    '\\u{110000}',
    '"\\ud800"',
    '\0',
    '#',
    '[',
    '!',
    '&',
    '99999999999999999999999',
  ]);
  return text.slice(0, at) + put + text.slice(random.chance(50) ? at : end);
};

export const createGenerator = (seed: number, ids: Ids, leftOut: readonly string[]) => {
  const random = createRandom(seed);

  const selection = (
    output: GraphQLOutputType,
    depth: number,
    declare: (type: GraphQLInputType, name: string) => string,
  ): string => {
    const type = getNamedType(output);
    if (isUnionType(type))
      return `{ __typename ${random.chance(50) ? '... on Error { code message }' : ''} }`;
    if (!isObjectType(type) && !isInterfaceType(type)) return '';
    if (depth > 6) return '{ __typename }';
    const fields = Object.values(type.getFields()).filter(({ name }) => !leftOut.includes(name));
    const count = 1 + random.below(depth > 3 ? 2 : 4);
    const chosen = Array.from({ length: count }, () => random.pick(fields));
    const inner = chosen.map((field) => {
      const args = field.args
        .filter((arg) => isNonNullType(arg.type) || random.chance(30))
        .map((arg) => `${arg.name}: ${declare(arg.type, arg.name)}`)
        .join(', ');
      const alias = random.chance(15) ? `a${random.below(9)}: ` : '';
      const directive = random.chance(4) ? ' @include(if: true)' : '';
      const below = selection(field.type, depth + 1, declare);
      return `${alias}${field.name}${args && `(${args})`}${directive} ${below}`;
    });
    return `{ __typename ${inner.join(' ')} }`;
  };

  return (): { query: unknown; variables?: unknown; operationName?: unknown } => {
    const [operation, root] = random.pick([
      ...Array(8).fill(['query', contract.getQueryType()]),
      ['mutation', contract.getMutationType()],
      ['subscription', contract.getSubscriptionType()],
    ] as const);
    const variables: Record<string, unknown> = {};
    const declared: string[] = [];
    const declare = (type: GraphQLInputType, name: string): string => {
      const variable = `v${declared.length}`;
      declared.push(`$${variable}: ${String(type)}`);
      variables[variable] = valueFor(type, name, ids, random);
      return `$${variable}`;
    };
    const body = selection(root, 0, declare);
    const head = declared.length ? `(${declared.join(', ')})` : '';
    const text = `${operation} ${head} ${body}`;
    if (random.chance(2)) return { query: anything(random), variables: anything(random) };
    if (random.chance(15)) return { query: damage(text, random), variables };
    if (random.chance(3)) return { query: text, variables: anything(random) };
    if (random.chance(2)) return { query: text, variables, operationName: anything(random) };
    return { query: text, variables };
  };
};
