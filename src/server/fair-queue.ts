export type FairQueue = {
  /** Undefined: continue at once. Otherwise wait: others have had less of the server than this tenant. */
  admit(tenant: string): Promise<void> | undefined;
};

/** How long requests run one after the other before input, and the requests of other tenants, get their turn. */
const SLICE_MS = 2;
/** Of those that wait, so many go on in one turn of the event loop: a turn for each would cost a busy server a tenth. */
const AT_ONCE = 8;

/**
 * One thread runs all requests in the order they came, so a tenant that sends many at once would be in front of everybody. Past a slice of a
 * turn of the event loop they wait in a queue for each tenant, and each turn takes from the queues in rounds.
 */
export const createFairQueue = (now: () => number = () => performance.now()): FairQueue => {
  const queues = new Map<string, (() => void)[]>();
  /** When the first request of this turn of the event loop started; null before it. */
  let sliceStart: number | null = null;

  /** One of each tenant, until there are enough. */
  const resume = (): void => {
    for (let count = 0; queues.size && count < AT_ONCE; ) {
      for (const [tenant, queue] of queues) {
        queue.shift()?.();
        count += 1;
        if (queue.length === 0) queues.delete(tenant);
      }
    }
  };
  const pump = (): void => {
    sliceStart = null;
    if (queues.size === 0) return;
    sliceStart = now();
    setImmediate(pump);
    resume();
  };

  return {
    admit(tenant) {
      if (sliceStart === null) {
        sliceStart = now();
        setImmediate(pump);
        return undefined;
      }
      if (queues.size === 0 && now() - sliceStart < SLICE_MS) return undefined;
      return new Promise((resolve) => {
        const queue = queues.get(tenant);
        if (queue) queue.push(resolve);
        else queues.set(tenant, [resolve]);
      });
    },
  };
};
