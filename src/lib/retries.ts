const FIRST_MS = 5_000;
const LAST_MS = 300_000;

export type Retries = {
  /**
   * Tried again until it succeeds: after 5 s, then after twice as long each time, at most 5 min. Nothing while the same of `id` is tried
   * already; `what` tells apart what is done for other reasons.
   */
  add(id: string, work: () => Promise<void>, what?: string): void;
  /** Something of `id` is tried again. */
  has(id: string): boolean;
  /** Tries nothing more. */
  dispose(): void;
};

/** Work that was refused for now; what a restart would take up again anyway. */
export const createRetries = (onFailure: (id: string, error: unknown) => void): Retries => {
  /** By id, then by what is done. */
  const waiting = new Map<string, Map<string, NodeJS.Timeout>>();
  let disposed = false;
  const forget = (id: string, what: string): void => {
    const ofId = waiting.get(id);
    ofId?.delete(what);
    if (ofId?.size === 0) waiting.delete(id);
  };
  const schedule = (id: string, what: string, work: () => Promise<void>, delay: number): void => {
    const attempt = (): void => {
      work().then(
        () => forget(id, what),
        (error: unknown) => {
          onFailure(id, error);
          if (!disposed) schedule(id, what, work, Math.min(delay * 2, LAST_MS));
        },
      );
    };
    const ofId = waiting.get(id) ?? new Map<string, NodeJS.Timeout>();
    ofId.set(what, setTimeout(attempt, delay).unref());
    waiting.set(id, ofId);
  };
  return {
    add(id, work, what = '') {
      if (!disposed && !waiting.get(id)?.has(what)) schedule(id, what, work, FIRST_MS);
    },
    has: (id) => waiting.has(id),
    dispose() {
      disposed = true;
      for (const ofId of waiting.values()) for (const timer of ofId.values()) clearTimeout(timer);
    },
  };
};
