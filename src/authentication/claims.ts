import { z } from 'zod';
import type { AccessTable } from '../authorization/access-file.ts';
import { rightsOf } from '../authorization/rights.ts';
import { AppError } from '../errors.ts';
import type { Identity } from './principal.ts';

/** Where each fact is in the payload of a token: a name, or names joined by dots (`realm_access.role`). */
export type ClaimPaths = {
  subject: string;
  tenant: string;
  role: string;
  scope: string;
  plan: string;
};

export const standardClaims: ClaimPaths = {
  subject: 'sub',
  tenant: 'tenant',
  role: 'role',
  scope: 'scope',
  plan: 'plan',
};

const name = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u);
const seconds = z.number().nonnegative().max(1e11);
const Facts = z.object({
  subject: name,
  tenant: name,
  role: name,
  plan: name.optional(),
  /** Space-separated as in RFC 8693, or a list. */
  scope: z
    .union([z.string().max(4_096), z.array(z.string().max(255)).max(200)])
    .transform((value) =>
      typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : value,
    )
    .optional(),
  exp: seconds.positive(),
  iat: seconds.optional(),
  jti: name.optional(),
});

/** A claim whose own name has dots (`https://example.com/tenant`) is found by its name first. */
const at = (payload: unknown, path: string): unknown => {
  const own = (value: unknown, key: string): unknown =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined;
  return own(payload, path) ?? path.split('.').reduce(own, payload);
};

/** The caller that a verified payload identifies. `UNAUTHENTICATED` that names what the payload lacks. */
export const createClaimReader = (
  { roles, plans }: AccessTable,
  paths: ClaimPaths,
  defaultPlan: string,
): ((payload: unknown) => Identity) => {
  const lacks = (what: string): AppError =>
    new AppError(
      'UNAUTHENTICATED',
      `The token lacks a valid ${what}. A token must have ${paths.subject}, ${paths.tenant}, ${paths.role} (${Object.keys(roles).join(', ')}) and exp.`,
    );
  return (payload) => {
    const facts = Facts.safeParse({
      ...Object.fromEntries(Object.entries(paths).map(([fact, path]) => [fact, at(payload, path)])),
      exp: at(payload, 'exp'),
      iat: at(payload, 'iat'),
      jti: at(payload, 'jti'),
    });
    if (!facts.success) {
      const wrong = facts.error.issues.map(({ path: [fact] }) =>
        fact === undefined ? 'payload' : (paths[fact as keyof ClaimPaths] ?? String(fact)),
      );
      throw lacks([...new Set(wrong)].join(', '));
    }
    const { subject, tenant, role, plan = defaultPlan, scope = null, exp, iat, jti } = facts.data;
    const definition = Object.hasOwn(roles, role) ? roles[role] : undefined;
    if (!definition) throw lacks(paths.role);
    if (!Object.hasOwn(plans, plan))
      throw new AppError(
        'UNAUTHENTICATED',
        `The plan of the token does not exist. Available plans: ${Object.keys(plans).join(', ')}.`,
      );
    return {
      subject,
      tenant,
      role,
      plan,
      scope,
      // A token that does not say when it was issued counts as infinitely old: every revocation covers it.
      issuedAt: (iat ?? 0) * 1_000,
      expiresAt: exp * 1_000,
      tokenId: jti ?? null,
      rights: rightsOf(definition, scope),
    };
  };
};
