export type InTurn = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>;

/** Works of one key come one after the other, in the order of the calls; those of others do not wait. */
export const createInTurn = (): InTurn => {
  const lasts = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = lasts.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    lasts.set(key, mine);
    const leave = (): void => {
      if (lasts.get(key) === mine) lasts.delete(key);
    };
    mine.then(leave, leave);
    return mine;
  };
};
