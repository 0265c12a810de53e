/** One at a time; those that are asked for meanwhile become one more, after it. */
export const coalesce = (work: () => Promise<void>): (() => Promise<void>) => {
  let isRunning = false;
  let again = false;
  return async () => {
    again = isRunning;
    if (isRunning) return;
    isRunning = true;
    try {
      do {
        again = false;
        await work();
      } while (again);
    } finally {
      isRunning = false;
    }
  };
};
