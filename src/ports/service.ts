import type { Duplex } from 'node:stream';
import type { Principal } from '../authentication/principal.ts';
import { type Bearer, bearerOf, type Revocations } from '../authentication/revocations.ts';
import { AppError } from '../errors.ts';
import { sign, unsign } from '../lib/signed.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';

export type PortGrant = {
  /** The tenant of the sandbox. */
  tenant: string;
  /** The bearer of the token with which the URL was requested; the URL is revoked with it. */
  by: Bearer;
  sandboxId: string;
  port: number;
  expiresAt: number;
};

/** What callers get; who may call what is in rules.ts. */
export type PortService = {
  list(principal: Principal, sandboxId: string): Promise<number[]>;
  url(
    principal: Principal,
    sandboxId: string,
    port: number,
    ttlMs: number,
  ): Promise<{ url: string; expiresAt: number }>;
};

export type Ports = PortService & {
  /** `FORBIDDEN` for a token that is not valid or has expired, `TOKEN_REVOKED` for one that was revoked. */
  verify(token: string): PortGrant;
  dial(grant: PortGrant): Promise<Duplex>;
};

/** Servers inside a sandbox, reached from outside by a token that names the sandbox and the port. */
export const createPorts = ({
  sandboxes,
  revocations,
  secret,
  publicUrl,
  clock,
}: {
  sandboxes: SandboxAccess;
  revocations: Revocations;
  secret: string;
  publicUrl: () => string;
  clock: () => number;
}): Ports => ({
  async list(principal, id) {
    const { handle } = await sandboxes.open(principal, id, 'read');
    return handle.ports().catch((error: unknown) => {
      // What nobody could reach is not listed; to fail would take the rest of a query with it.
      if (error instanceof AppError && error.code === 'UNSUPPORTED') return [];
      throw error;
    });
  },
  async url(principal, sandboxId, port, ttlMs) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new AppError('INVALID_ARGUMENT', `port: it is ${port}, but must be 1 to 65535.`);
    const { sandbox, handle } = await sandboxes.open(principal, sandboxId, 'write');
    handle.requirePorts();
    const expiresAt = clock() + ttlMs;
    const grant: PortGrant = {
      tenant: sandbox.tenant,
      by: bearerOf(principal),
      sandboxId,
      port,
      expiresAt,
    };
    return { url: `${publicUrl()}/t/${sign(secret, 'port', grant)}/`, expiresAt };
  },
  verify(token) {
    const grant = unsign(secret, 'port', token) as PortGrant | undefined;
    if (!grant || grant.expiresAt <= clock())
      throw new AppError(
        'FORBIDDEN',
        'This URL is not valid or has expired. Request a new one (Sandbox.portUrl).',
      );
    revocations.check(grant.by);
    return grant;
  },
  dial: async ({ tenant, sandboxId, port }) =>
    (await sandboxes.openFor(tenant, sandboxId)).handle.dial(port),
});
