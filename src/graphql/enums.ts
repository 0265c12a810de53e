/** Enum values with a description each; the test of the contract asks for one. */
export const described = <Value extends string>(texts: Readonly<Record<Value, string>>) =>
  Object.fromEntries(
    Object.entries<string>(texts).map(([name, description]) => [name, { description }]),
  ) as { [Key in Value]: { description: string } };

/** `memoryMBSeconds`, `files:read` and `allow-list` as GraphQL writes names of enum values. */
const constantCase = (value: string): string =>
  value
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replace(/[:-]/g, '_')
    .toUpperCase();

/** Our own spelling inside, GraphQL's upper case outside. */
export const upper = <Value extends string>(texts: Readonly<Record<Value, string>>) =>
  Object.fromEntries(
    Object.entries<string>(texts).map(([value, description]) => [
      constantCase(value),
      { value, description },
    ]),
  ) as Record<string, { value: Value; description: string }>;
