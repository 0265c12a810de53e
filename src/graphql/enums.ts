/** Enum values with a description each; the test of the contract asks for one. */
export const described = <Value extends string>(texts: Readonly<Record<Value, string>>) =>
  Object.fromEntries(
    Object.entries<string>(texts).map(([name, description]) => [name, { description }]),
  ) as { [Key in Value]: { description: string } };

/** Lower-case values inside, GraphQL's upper case outside. */
export const upper = <Value extends string>(texts: Readonly<Record<Value, string>>) =>
  Object.fromEntries(
    Object.entries<string>(texts).map(([value, description]) => [
      value.toUpperCase().replaceAll('-', '_'),
      { value, description },
    ]),
  ) as Record<string, { value: Value; description: string }>;
