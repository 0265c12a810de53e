/** `work` for every item, at most `width` at once. Rejects with the first failure, after which no more items are begun. */
export const eachBounded = async <Item>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    // The workers share one iterator: each takes the next item that nobody has.
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
};
