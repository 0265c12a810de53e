import type { AccessTable } from '../authorization/access-file.ts';
import type { Permission } from '../authorization/permissions.ts';
import { exceeds, READ_ONLY, rightsOf } from '../authorization/rights.ts';
import { tenantFor } from '../authorization/visibility.ts';
import { AppError } from '../errors.ts';
import { newId } from '../lib/ids.ts';
import type { SandboxAccess } from '../sandboxes/service.ts';
import type { RevocationKind } from '../store/types/revocation.ts';
import type { Principal } from './principal.ts';
import type { Revocations } from './revocations.ts';
import type { Session } from './sessions.ts';
import type { Tokens } from './tokens.ts';

export type NewToken = {
  subject: string;
  role: string;
  ttlSeconds: number;
  tenant?: string | undefined;
  plan?: string | undefined;
  /** Only these; all of the role when there are none. */
  permissions?: readonly Permission[] | undefined;
  /** Only these; all that the role reaches when there are none. */
  sandboxIds?: readonly string[] | undefined;
  readOnly?: boolean | undefined;
};

export type IssuedToken = { token: string; tokenId: string; expiresAt: number };

/** What callers get; who may call what is in rules.ts. */
export type TokenService = {
  /** `FORBIDDEN` for more than the caller may do itself. */
  issue(principal: Principal, wanted: NewToken): Promise<IssuedToken>;
  /** Streams of these tokens end within a second, here and on other servers of the same store. */
  revoke(
    principal: Principal,
    which: { kind: RevocationKind; value: string; tenant?: string | undefined },
  ): Promise<{ before: number }>;
  /** Goes on with another token. `UNSUPPORTED` where there is no connection that lives on. */
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
  const forbidden = (what: string): AppError =>
    new AppError(
      'FORBIDDEN',
      `The new token would have more rights than your own (${what}). Ask for less.`,
      { details: { exceeded: what } },
    );
  const nameOf = (field: string, text: string): string => {
    if (/^[^\p{Cc}\p{Cs}]{1,255}$/u.test(text)) return text;
    throw new AppError(
      'INVALID_ARGUMENT',
      `${field}: must be 1 to 255 characters, none of them a control character.`,
    );
  };

  return {
    async issue(principal, wanted) {
      const { role, ttlSeconds, permissions = [], sandboxIds = [], readOnly = false } = wanted;
      const { tenant = principal.tenant, plan = principal.plan } = wanted;
      const definition = Object.hasOwn(access.roles, role) ? access.roles[role] : undefined;
      if (!definition)
        throw new AppError(
          'INVALID_ARGUMENT',
          `role: there is no such role. There is: ${Object.keys(access.roles).join(', ')}.`,
        );
      if (!Object.hasOwn(access.plans, plan))
        throw new AppError(
          'INVALID_ARGUMENT',
          `plan: there is no such plan. There is: ${Object.keys(access.plans).join(', ')}.`,
        );
      if (ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS)
        throw new AppError('INVALID_ARGUMENT', 'ttlSeconds: must be 1 to 31,622,400 (366 days).');
      if (sandboxIds.length > MAX_SANDBOXES)
        throw new AppError('INVALID_ARGUMENT', `sandboxIds: at most ${MAX_SANDBOXES}.`);
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
        subject: nameOf('subject', wanted.subject),
        tenant: nameOf('tenant', tenant),
        role,
        plan,
        ttlSeconds,
        scope: scope.length ? scope : undefined,
      });
    },
    async revoke(principal, { kind, value, tenant: asked }) {
      const tenant = tenantFor(principal, asked);
      const now = clock();
      await revocations.add({
        id: newId('rev'),
        tenant,
        kind,
        value: kind === 'tenant' ? '' : nameOf('value', value),
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
          'Only a WebSocket lives on with another token. Over HTTP send the new token with the next request.',
        );
      session.renew(await tokens.verify(token));
      return { expiresAt: session.identity().expiresAt };
    },
  };
};
