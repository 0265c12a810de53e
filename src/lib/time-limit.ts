/** The outcome of `work`, or `late()` thrown after `ms`: nobody waits for ever for a peer that is not trusted. The work itself goes on. */
export const withTimeLimit = async <Value>(
  work: Promise<Value>,
  ms: number,
  late: () => Error,
): Promise<Value> => {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(late()), ms);
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
};
