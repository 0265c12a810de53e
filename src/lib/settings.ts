import { z } from 'zod';

/** Variables of the environment: how each is read, its default, and what it means. Schema, defaults and help come from one table. */
export type Variable = readonly [schema: z.ZodType, fallback: string | undefined, meaning: string];
export type Variables = Readonly<Record<string, Variable>>;
export type Values<Table extends Variables> = {
  readonly [Name in keyof Table]: z.output<Table[Name][0]>;
};

const UNITS: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
export const size = z
  .string()
  .regex(/^\d+(KiB|MiB|GiB)?$/, 'must be bytes, or a number with KiB, MiB or GiB')
  .transform((text) => {
    const [, digits = '0', unit = ''] = /^(\d+)(\w*)$/.exec(text) ?? [];
    return Number(digits) * (UNITS[unit] ?? 1);
  });
export const sizeFrom = (least: number) =>
  size.refine((bytes) => bytes >= least, `must be at least ${least} bytes`);

export const count = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be ${min} to ${max}`);

/** Parts between commas. */
export const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

/** The values of a table; what is wrong with one is added to `problems`, a line each. */
export const readVariables = <Table extends Variables>(
  table: Table,
  env: NodeJS.ProcessEnv,
  problems: string[],
): Values<Table> => {
  const values: Record<string, unknown> = {};
  for (const [name, [schema, fallback, meaning]] of Object.entries(table)) {
    const given = env[name] === '' ? undefined : env[name];
    const result = schema.safeParse(given ?? fallback);
    if (result.success) values[name] = result.data;
    else
      problems.push(
        `${name}: ${result.error.issues.map((issue) => issue.message).join(', ')} (${meaning}${fallback ? `; such as ${fallback}` : ''})`,
      );
  }
  return values as Values<Table>;
};
