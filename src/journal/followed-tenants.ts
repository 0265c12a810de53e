import type { EventBody, EventLog, StoredEvent } from '../store/types/event-log.ts';
import { type FollowedTenant, type Follower, followTenant } from './followed-tenant.ts';

const POLL_MS = 500;
const TENANTS_AT_ONCE = 500;

/**
 * One reader of the database per followed tenant, however many subscriptions it has: woken by commits of this server, and by one query
 * twice a second for those of others.
 */
export const createFollowedTenants = <Body extends EventBody, Event>({
  log,
  toEvent,
  onError,
}: {
  log: EventLog<Body>;
  toEvent: (tenant: string, stored: StoredEvent<Body>) => Event;
  onError: (error: unknown) => void;
}) => {
  const tenants = new Map<string, FollowedTenant<Event>>();
  const look = (tenant: string): void => void tenants.get(tenant)?.look().catch(onError);

  let polling = false;
  const poll = async (): Promise<void> => {
    if (polling) return;
    polling = true;
    try {
      const names = [...tenants.keys()];
      for (let start = 0; start < names.length; start += TENANTS_AT_ONCE) {
        const latest = await log.latest(names.slice(start, start + TENANTS_AT_ONCE));
        for (const [tenant, last] of latest)
          if ((tenants.get(tenant)?.last ?? last) < last) look(tenant);
      }
    } finally {
      polling = false;
    }
  };
  const timer = setInterval(() => {
    if (tenants.size > 0) poll().catch(onError);
  }, POLL_MS).unref();
  const unsubscribe = log.onAppended(look);

  return {
    /** `last`: the highest seq of the tenant, as it was a moment ago. */
    join(tenant: string, last: number, signal: AbortSignal): Follower<Event> {
      const known = tenants.get(tenant);
      if (known) return known.join(signal);
      const made = followTenant({
        log,
        tenant,
        from: last,
        toEvent: (stored: StoredEvent<Body>) => toEvent(tenant, stored),
        onEmpty: () => void tenants.delete(tenant),
      });
      tenants.set(tenant, made);
      const follower = made.join(signal);
      // What was committed since `last` was read.
      look(tenant);
      return follower;
    },
    dispose() {
      clearInterval(timer);
      unsubscribe();
    },
  };
};
