import { AppError } from '../errors.ts';

export type SubscriptionPlaces = {
  /** A place for one more stream of the tenant, given back once; `LIMIT_EXCEEDED` when there is none. */
  take(tenant: string): () => void;
};

/** How many streams a tenant has open on this server, over WebSocket and SSE together. */
export const createSubscriptionPlaces = (max: number): SubscriptionPlaces => {
  const open = new Map<string, number>();
  return {
    take(tenant) {
      const count = open.get(tenant) ?? 0;
      if (count >= max)
        throw new AppError(
          'LIMIT_EXCEEDED',
          `A tenant may have ${max} subscriptions open at once. End some, or ask the operator of the server for more.`,
          { details: { limit: 'subscriptions', maximum: max } },
        );
      open.set(tenant, count + 1);
      let taken = true;
      return () => {
        if (!taken) return;
        taken = false;
        const left = (open.get(tenant) ?? 1) - 1;
        if (left > 0) open.set(tenant, left);
        else open.delete(tenant);
      };
    },
  };
};
