import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { builtInPlans, type Plan, rateClasses } from '../limits/plans.ts';
import { allMetrics, windows } from '../usage/metrics.ts';
import { allPermissions } from './permissions.ts';
import { type Role, reaches } from './role.ts';
import { builtInRoles } from './roles.ts';

/** The roles and plans of one server. */
export type AccessTable = {
  roles: Readonly<Record<string, Role>>;
  plans: Readonly<Record<string, Plan>>;
};

export const builtInAccess: AccessTable = { roles: builtInRoles, plans: builtInPlans };

const name = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'names consist of letters, digits, _ . and -');
const positive = z.number().positive();
const whole = z.number().int().positive();

const Ceilings = z.strictObject({
  cpus: positive.optional(),
  memoryBytes: whole.optional(),
  diskBytes: whole.optional(),
  executionSeconds: positive.optional(),
  lifetimeSeconds: whole.optional(),
  concurrentSandboxes: z.number().int().min(0).optional(),
});

const RoleEntry = z.strictObject({
  extends: name.optional(),
  permissions: z.array(z.enum(allPermissions)).optional(),
  reach: z.enum(reaches).optional(),
  providers: z.array(z.string().min(1)).nullable().optional(),
  ceilings: Ceilings.optional(),
  overCeiling: z.enum(['refuse', 'clamp']).optional(),
});

const RateEntry = z
  .strictObject({ points: whole, tenantPoints: whole.optional(), seconds: whole })
  .transform(({ points, tenantPoints = points, seconds }) => ({ points, tenantPoints, seconds }));

const PlanEntry = z.strictObject({
  quotas: z
    .array(
      z.strictObject({
        metric: z.enum(allMetrics),
        window: z.enum(windows).default('total'),
        per: z.enum(['tenant', 'subject']).default('tenant'),
        limit: z.number().min(0),
      }),
    )
    .default([]),
  rates: z.partialRecord(z.enum(rateClasses), RateEntry).default({}),
});

const AccessFile = z.strictObject({
  roles: z.record(name, RoleEntry).default({}),
  plans: z.record(name, PlanEntry).default({}),
});

/** A role of the file starts from the one it extends, else from the built-in one of the same name, else from one that may do nothing. */
const toRole = (
  own: string,
  { extends: base = own, ...entry }: z.output<typeof RoleEntry>,
  known: Readonly<Record<string, Role>>,
): Role => ({
  permissions: [],
  reach: 'own',
  providers: null,
  overCeiling: 'refuse',
  ...known[base],
  ...Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)),
  ceilings: { ...known[base]?.ceilings, ...entry.ceilings },
});

const read = (text: string): AccessTable => {
  const file = AccessFile.parse(JSON.parse(text));
  const roles: Record<string, Role> = { ...builtInRoles };
  for (const [own, entry] of Object.entries(file.roles)) {
    // In the order of the file: a role extends one that is defined above it.
    if (entry.extends !== undefined && !Object.hasOwn(roles, entry.extends))
      throw new Error(
        `roles.${own}: it extends "${entry.extends}", but no such role is defined above it`,
      );
    roles[own] = toRole(own, entry, roles);
  }
  return { roles, plans: { ...builtInPlans, ...file.plans } };
};

/** The built-in roles and plans, changed by a JSON file if there is one. `INVALID_ARGUMENT` that names every problem of the file. */
export const loadAccess = async (file: string | undefined): Promise<AccessTable> => {
  if (file === undefined) return builtInAccess;
  try {
    return read(await readFile(file, 'utf8'));
  } catch (error) {
    const problems =
      error instanceof z.ZodError
        ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
        : [(error as Error).message];
    throw new AppError(
      'INVALID_ARGUMENT',
      `The access file ${file} cannot be used:\n  ${problems.join('\n  ')}`,
    );
  }
};
