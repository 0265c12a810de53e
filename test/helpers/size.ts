/** How much a test does: as much as fits `npm test`, or what `npm run soak` and `npm run fuzz` say by a variable. */
export const sizeOf = (variable: string, usual: number): number => {
  const given = process.env[variable];
  if (given === undefined) return usual;
  const size = Number(given);
  if (!Number.isSafeInteger(size) || size < 1)
    throw new Error(`${variable} is "${given}": it must be a whole number from 1.`);
  return size;
};
