import type { AccessTable } from '../authorization/access-file.ts';
import type { Permission } from '../authorization/permissions.ts';
import { exceeds, READ_ONLY, rightsOf } from '../authorization/rights.ts';
import { tenantFor } from '../authorization/visibility.ts';
import { AppError } from '../errors.ts';
import { newId } from '../lib/ids.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { RevocationKind } from '../store/types/revocation.ts';
import type { Principal } from './principal.ts';
import type { Revocations } from './revocations.ts';
import type { Session } from './sessions.ts';
import type { Tokens } from './tokens.ts';

type NewToken = {
  subject: string;
  role: string;
  ttlSeconds: number;
  tenant?: string | undefined;
  plan?: string | undefined;
  /** The permissions to narrow the role to; empty: all of the role. */
  permissions?: readonly Permission[] | undefined;
  /** The sandboxes to narrow the token to; empty: all that the role reaches. */
  sandboxIds?: readonly string[] | undefined;
  readOnly?: boolean | undefined;
};

export type IssuedToken = { token: string; tokenId: string; expiresAt: number };

/** What callers get; who may call what is in rules.ts. */
export type TokenService = {
  /** `FORBIDDEN` for more rights than the caller has itself. */
  issue(principal: Principal, request: NewToken): Promise<IssuedToken>;
  /** Streams of these tokens end within a second, here and on other servers of the same store. */
  revoke(
    principal: Principal,
    which: { kind: RevocationKind; value: string; tenant?: string | undefined },
  ): Promise<{ before: number }>;
  /** Continues the connection with another token. `UNSUPPORTED` over HTTP, which has no connection to continue. */
  reauthenticate(
    principal: Principal,
    session: Session | null,
    token: string,
  ): Promise<{ expiresAt: number }>;
};

const MAX_TTL_SECONDS = 366 * 24 * 3_600;
const MAX_SANDBOXES = 50;

export const createTokenService = ({
  tokens,
  access,
  revocations,
  sandboxes,
  clock,
}: {
  tokens: Tokens;
  access: AccessTable;
  revocations: Revocations;
  sandboxes: SandboxAccess;
  clock: () => number;
}): TokenService => {
  const forbidden = (exceeded: string): AppError =>
    new AppError(
      'FORBIDDEN',
      `The new token would have more rights than your own (${exceeded}). Request fewer.`,
      { details: { exceeded } },
    );
  const checkName = (field: string, text: string): string => {
    if (/^[^\p{Cc}\p{Cs}]{1,255}$/u.test(text)) return text;
    throw new AppError(
      'INVALID_ARGUMENT',
      `${field}: it must have 1 to 255 characters, none of which is a control character.`,
    );
  };

  return {
    async issue(principal, request) {
      const { role, ttlSeconds, permissions = [], sandboxIds = [], readOnly = false } = request;
      const { tenant = principal.tenant, plan = principal.plan } = request;
      const definition = Object.hasOwn(access.roles, role) ? access.roles[role] : undefined;
      if (!definition)
        throw new AppError(
          'INVALID_ARGUMENT',
          `role: the role "${role.slice(0, 100)}" does not exist. Available roles: ${Object.keys(access.roles).join(', ')}.`,
        );
      if (!Object.hasOwn(access.plans, plan))
        throw new AppError(
          'INVALID_ARGUMENT',
          `plan: the plan "${plan.slice(0, 100)}" does not exist. Available plans: ${Object.keys(access.plans).join(', ')}.`,
        );
      if (ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS)
        throw new AppError(
          'INVALID_ARGUMENT',
          `ttlSeconds: it is ${ttlSeconds}, but must be 1 to ${MAX_TTL_SECONDS} (366 days).`,
        );
      if (sandboxIds.length > MAX_SANDBOXES)
        throw new AppError(
          'INVALID_ARGUMENT',
          `sandboxIds: ${sandboxIds.length} ids were given, but the maximum is ${MAX_SANDBOXES}.`,
        );
      const scope = [
        ...permissions,
        ...sandboxIds.map((id) => `sandbox:${id}`),
        ...(readOnly ? [READ_ONLY] : []),
      ];
      const exceeded = exceeds(rightsOf(definition, scope), principal.rights);
      if (exceeded !== null) throw forbidden(exceeded);
      if (principal.rights.reach !== 'all' && tenant !== principal.tenant)
        throw forbidden('tenant');
      if (principal.rights.reach !== 'all' && plan !== principal.plan) throw forbidden('plan');
      for (const id of sandboxIds) await sandboxes.find(principal, id, 'read');
      return tokens.issue({
        subject: checkName('subject', request.subject),
        tenant: checkName('tenant', tenant),
        role,
        plan,
        ttlSeconds,
        scope: scope.length ? scope : undefined,
      });
    },
    async revoke(principal, { kind, value, tenant: requested }) {
      const tenant = tenantFor(principal, requested);
      const now = clock();
      await revocations.add({
        id: newId('rev'),
        tenant,
        kind,
        value: kind === 'tenant' ? '' : checkName('value', value),
        before: now,
        createdBy: principal.subject,
        createdAt: now,
      });
      return { before: now };
    },
    async reauthenticate(_principal, session, token) {
      if (!session)
        throw new AppError(
          'UNSUPPORTED',
          'Only a WebSocket can continue with another token. Over HTTP, send the new token with the next request.',
        );
      session.renew(await tokens.verify(token));
      return { expiresAt: session.identity().expiresAt };
    },
  };
};
