import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
  isUnionType,
} from 'graphql';

/** The contract, as a client reads it. */
export const contract: GraphQLSchema = buildSchema(readFileSync('schema/schema.graphql', 'utf8'));

export type Samples = Readonly<Record<string, unknown>>;

/** A value that fits a type: the sample of that name, else the least that will do. */
const sampleOf = (type: GraphQLInputType, name: string, samples: Samples): unknown => {
  if (isNonNullType(type)) return sampleOf(type.ofType, name, samples);
  if (name in samples) return samples[name];
  if (isListType(type)) return [sampleOf(type.ofType, name, samples)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) return inputOf(Object.values(type.getFields()), samples);
  return (
    { Int: 1, Float: 1, Boolean: false, Byte: 1, Base64: 'eA==', ID: 'none' }[type.name] ?? 'x'
  );
};
const inputOf = (
  fields: readonly { name: string; type: GraphQLInputType }[],
  samples: Samples,
): Record<string, unknown> =>
  Object.fromEntries(
    fields
      .filter(({ name, type }) => isNonNullType(type) || name in samples)
      .map(({ name, type }) => [name, sampleOf(type, name, samples)]),
  );

/** Just enough of what a field returns. */
const selectionOf = ({ type }: GraphQLField<unknown, unknown>): string => {
  const named = getNamedType(type);
  if (isScalarType(named) || isEnumType(named)) return '';
  if (isUnionType(named)) return '{ __typename ... on Error { code message } }';
  if (named.name.endsWith('Connection')) return '{ edges { node { __typename } } }';
  return '{ __typename }';
};

/** `field(a: $a)` with what it needs declared and given. */
export const callOf = (field: GraphQLField<unknown, unknown>, samples: Samples) => {
  const paged = field.args.some(({ name }) => name === 'first') ? { first: 1 } : {};
  const known = { ...samples, ...paged };
  const args = field.args.filter(({ name, type }) => isNonNullType(type) || name in known);
  const inner = args.map(({ name }) => `${name}: $${name}`).join(', ');
  return {
    declared: args.map(({ name, type }) => `$${name}: ${String(type)}`).join(', '),
    text: `${field.name}${inner && `(${inner})`} ${selectionOf(field)}`,
    variables: inputOf(args, known),
  };
};

/** A document of one root field. */
export const documentOf = (
  operation: 'query' | 'mutation' | 'subscription',
  field: GraphQLField<unknown, unknown>,
  samples: Samples,
) => {
  const { declared, text, variables } = callOf(field, samples);
  return { query: `${operation} ${declared && `(${declared})`} { ${text} }`, variables };
};
