/** A queue with one reader that waits: `next` settles with the oldest item, or with the end once the items are used up. */
export type Mailbox<Item> = {
  push(item: Item): void;
  end(): void;
  /** The next `next` would wait, or say the end. */
  isEmpty(): boolean;
  next(): Promise<IteratorResult<Item, undefined>>;
};

export const createMailbox = <Item>(): Mailbox<Item> => {
  const items: Item[] = [];
  const waiting: ((result: IteratorResult<Item, undefined>) => void)[] = [];
  const END = { done: true, value: undefined } as const;
  let ended = false;
  return {
    push(item) {
      if (ended) return;
      const reader = waiting.shift();
      if (reader) reader({ done: false, value: item });
      else items.push(item);
    },
    end() {
      ended = true;
      for (const reader of waiting.splice(0)) reader(END);
    },
    isEmpty: () => items.length === 0,
    next() {
      const item = items.shift();
      if (item !== undefined) return Promise.resolve({ done: false, value: item });
      if (ended) return Promise.resolve(END);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
};
