import { globSync, readFileSync } from 'node:fs';
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  lexicographicSortSchema,
  parse,
  printSchema,
  validate,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../src/graphql/schema.ts';

/** Every part of a type that a reader of the contract meets, with its description. */
const parts = (type: GraphQLNamedType): [string, string | null | undefined][] => {
  const found: [string, string | null | undefined][] = [[type.name, type.description]];
  if (isEnumType(type)) {
    for (const value of type.getValues())
      found.push([`${type.name}.${value.name}`, value.description]);
  }
  if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields()))
      found.push([`${type.name}.${field.name}`, field.description]);
  }
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      found.push([`${type.name}.${field.name}`, field.description]);
      for (const arg of field.args)
        found.push([`${type.name}.${field.name}(${arg.name})`, arg.description]);
    }
  }
  return found;
};

const own = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'));

describe('the contract', () => {
  it('is what schema/schema.graphql says', async () => {
    const printed = `${printSchema(lexicographicSortSchema(schema))}\n`;
    await expect(printed).toMatchFileSnapshot('../schema/schema.graphql');
  });

  it('describes every type, field, argument and enum value', () => {
    expect(
      own
        .flatMap(parts)
        .filter(([, text]) => !text)
        .map(([name]) => name),
    ).toEqual([]);
  });

  it('returns every mutation as a union with Failure', () => {
    const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
    expect(mutations.length).toBeGreaterThan(15);
    const bare = mutations.filter((field) => !String(field.type).endsWith('Result!'));
    expect(bare.map((field) => field.name)).toEqual([]);
  });

  it('bounds every connection by first and last', () => {
    const open = own.flatMap((type) =>
      isObjectType(type)
        ? Object.values(type.getFields())
            .filter((field) => /Connection!?$/.test(String(field.type)))
            .filter((field) => !field.args.some((arg) => arg.name === 'first'))
            .map((field) => `${type.name}.${field.name}`)
        : [],
    );
    expect(open).toEqual([]);
  });

  it.each(globSync('schema/operations/*.graphql').sort())('accepts %s', (file) => {
    expect(validate(schema, parse(readFileSync(file, 'utf8')))).toEqual([]);
  });
});
