/**
 * An iterator whose wait for the next item can be cut short, once and for all. `Promise.race` with a promise that lives as long as the
 * stream would keep a reaction for every item; this keeps none. One `next` at a time.
 */
export type Interruptible<Item, Word> = {
  next(): Promise<IteratorResult<Item> | Word>;
  /** Every `next`, also one that waits, resolves with `word` from now on. The first word counts. */
  interrupt(word: Word): void;
};

export const createInterruptible = <Item, Word>(
  iterator: AsyncIterator<Item>,
): Interruptible<Item, Word> => {
  let said: { word: Word } | null = null;
  let wake: ((word: Word) => void) | null = null;
  return {
    next() {
      if (said) return Promise.resolve(said.word);
      return new Promise((resolve, reject) => {
        wake = resolve;
        iterator.next().then(resolve, reject);
      });
    },
    interrupt(word) {
      said ??= { word };
      wake?.(said.word);
    },
  };
};
