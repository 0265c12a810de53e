import type { Permission } from './permissions.ts';

/** How far a role sees: its own sandboxes and those shared with it, all of its tenant, or those of every tenant. */
export const reaches = ['own', 'tenant', 'all'] as const;
export type Reach = (typeof reaches)[number];

/** Most that a role may ask for; what is absent is not limited by the role. */
export type Ceilings = {
  cpus?: number | undefined;
  memoryBytes?: number | undefined;
  diskBytes?: number | undefined;
  /** Of one process. */
  executionSeconds?: number | undefined;
  /** Of a sandbox, from now. */
  lifetimeSeconds?: number | undefined;
  /** Alive at once, of one subject. */
  concurrentSandboxes?: number | undefined;
};

export type Role = {
  permissions: readonly Permission[];
  reach: Reach;
  /** null: all there are. */
  providers: readonly string[] | null;
  ceilings: Ceilings;
  /** What to do with more than a ceiling: refuse with LIMIT_EXCEEDED, or give the ceiling. A default above it is always cut. */
  overCeiling: 'refuse' | 'clamp';
};

/** What a caller may do: its role, narrowed by the scope of its token. */
export type Rights = Omit<Role, 'permissions'> & {
  permissions: ReadonlySet<Permission>;
  /** null: all that the reach covers. */
  sandboxes: ReadonlySet<string> | null;
};
