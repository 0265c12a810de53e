const FIRST_MS = 5_000;
const LAST_MS = 300_000;

export type Retries = {
  /** Tried again until it succeeds: after 5 s, then after twice as long each time, at most 5 min. Nothing while `id` is tried already. */
  add(id: string, work: () => Promise<void>): void;
  /** Tries nothing more. */
  dispose(): void;
};

/** Work that was refused for now; what a restart would take up again anyway. */
export const createRetries = (onFailure: (id: string, error: unknown) => void): Retries => {
  const waiting = new Map<string, NodeJS.Timeout>();
  let disposed = false;
  const schedule = (id: string, work: () => Promise<void>, delay: number): void => {
    const attempt = (): void => {
      work().then(
        () => waiting.delete(id),
        (error: unknown) => {
          onFailure(id, error);
          if (!disposed) schedule(id, work, Math.min(delay * 2, LAST_MS));
        },
      );
    };
    waiting.set(id, setTimeout(attempt, delay).unref());
  };
  return {
    add(id, work) {
      if (!disposed && !waiting.has(id)) schedule(id, work, FIRST_MS);
    },
    dispose() {
      disposed = true;
      for (const timer of waiting.values()) clearTimeout(timer);
    },
  };
};
