import { AppError } from '../errors.ts';

export type SubscriptionSlots = {
  /** A slot for one more stream of the tenant, and the function that releases it; `LIMIT_EXCEEDED` when all are taken. */
  acquire(tenant: string): () => void;
};

/** How many streams a tenant has open on this server, over WebSocket and SSE together. */
export const createSubscriptionSlots = (max: number): SubscriptionSlots => {
  const open = new Map<string, number>();
  return {
    acquire(tenant) {
      const count = open.get(tenant) ?? 0;
      if (count >= max)
        throw new AppError(
          'LIMIT_EXCEEDED',
          `The tenant already has ${count} open subscriptions on this server, and the maximum is ${max}. Close some, or ask the operator to raise the limit.`,
          { details: { limit: 'subscriptions', maximum: max } },
        );
      open.set(tenant, count + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (open.get(tenant) ?? 1) - 1;
        if (left > 0) open.set(tenant, left);
        else open.delete(tenant);
      };
    },
  };
};
