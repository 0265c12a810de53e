import type { Duplex } from 'node:stream';
import type { Principal } from '../access/principal.ts';
import { AppError } from '../errors.ts';
import { sign, unsign } from '../lib/signed.ts';
import type { SandboxService } from './service.ts';

export type PortGrant = {
  tenant: string;
  subject: string;
  sandboxId: string;
  port: number;
  expiresAt: number;
};

export type Ports = {
  list(principal: Principal, sandboxId: string): Promise<number[]>;
  url(
    principal: Principal,
    sandboxId: string,
    port: number,
    ttlMs: number,
  ): Promise<{ url: string; expiresAt: number }>;
  /** `FORBIDDEN` for a token that is not ours or has expired. */
  verify(token: string): PortGrant;
  dial(grant: PortGrant): Promise<Duplex>;
};

/** Servers inside a sandbox, reached from outside by a token that names sandbox and port. */
export const createPorts = ({
  sandboxes,
  secret,
  publicUrl,
  clock,
}: {
  sandboxes: SandboxService;
  secret: string;
  publicUrl: () => string;
  clock: () => number;
}): Ports => ({
  list: async (principal, id) => (await sandboxes.open(principal, id)).handle.ports(),
  async url(principal, sandboxId, port, ttlMs) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new AppError('INVALID_ARGUMENT', 'A port is 1 to 65535.');
    await sandboxes.open(principal, sandboxId);
    const expiresAt = clock() + ttlMs;
    const grant: PortGrant = {
      tenant: principal.tenant,
      subject: principal.subject,
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
        'This address is not valid, or no longer. Ask for a new one (Sandbox.portUrl).',
      );
    return grant;
  },
  async dial({ tenant, subject, sandboxId, port, expiresAt }) {
    const principal: Principal = { tenant, subject, role: 'developer', expiresAt, tokenId: null };
    return (await sandboxes.open(principal, sandboxId)).handle.dial(port);
  },
});
