const handlers = new Set<() => void>();
let isRegistered = false;

const runAll = (): void => {
  // The newest first: a service ends before its folder is removed.
  for (const handler of [...handlers].reverse()) {
    try {
      handler();
    } catch {
      // The process is ending; the others still have to run.
    }
  }
};

/** Calls `handler` when this process exits, unless the returned function was called before. */
export const onProcessExit = (handler: () => void): (() => void) => {
  if (!isRegistered) process.once('exit', runAll);
  isRegistered = true;
  handlers.add(handler);
  return () => handlers.delete(handler);
};
