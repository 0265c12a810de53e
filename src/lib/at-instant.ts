/** setTimeout knows at most 2^31 - 1 ms; what is later is looked at again then. */
const MAX_DELAY = 2 ** 31 - 1;

/** Calls back once at the instant; the returned function forgets it. */
export const atInstant = (instant: number, callback: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = instant - Date.now();
    timer = setTimeout(left > MAX_DELAY ? arm : callback, Math.min(Math.max(left, 0), MAX_DELAY));
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
};
