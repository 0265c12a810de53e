import { builder } from '../graphql/builder.ts';

export const EnvInput = builder.inputType('EnvironmentVariable', {
  description: 'A variable of a process’s environment.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Letters, digits and _.' }),
    value: t.string({ required: true, description: 'Any text without NUL. Never shown again.' }),
  }),
});

export const toEnv = (
  pairs: readonly { name: string; value: string }[] | null | undefined,
): Record<string, string> | undefined =>
  pairs ? Object.fromEntries(pairs.map(({ name, value }) => [name, value])) : undefined;
