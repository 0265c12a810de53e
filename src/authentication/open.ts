import { createHmac } from 'node:crypto';
import { type AccessTable, loadAccess } from '../authorization/access-file.ts';
import { AppError } from '../errors.ts';
import type { Algorithm } from './algorithms.ts';
import type { ClaimPaths } from './claims.ts';
import { keysOfFile, keysOfUrl } from './keys.ts';
import { loadSecret } from './secret.ts';
import { createTokens, type Tokens } from './tokens.ts';

export type AuthenticationOptions = {
  stateDir: string;
  accessFile: string | undefined;
  defaultPlan: string;
  jwt: {
    secret: string | undefined;
    issuer: string | undefined;
    audience: string | undefined;
    algorithms: readonly Algorithm[];
    clockToleranceSeconds: number;
    publicKeyFile: string | undefined;
    jwksUrl: string | undefined;
    claims: ClaimPaths;
  };
};

export type Authentication = {
  access: AccessTable;
  tokens: Tokens;
  /** A key for one purpose, made from the secret of the tokens: a cursor or a signed URL can never pass as a token. */
  derive(purpose: 'seal' | 'cursor' | 'transfer' | 'port'): string;
};

/** Tokens, and the roles and plans they refer to, as configured. `INVALID_ARGUMENT` for a file that cannot be used. */
export const openAuthentication = async ({
  stateDir,
  accessFile,
  defaultPlan,
  jwt: { secret: configuredSecret, publicKeyFile, jwksUrl, ...jwt },
}: AuthenticationOptions): Promise<Authentication> => {
  const access = await loadAccess(accessFile);
  if (!Object.hasOwn(access.plans, defaultPlan))
    throw new AppError(
      'INVALID_ARGUMENT',
      `SANDBANK_DEFAULT_PLAN: the plan "${defaultPlan}" does not exist. Available plans: ${Object.keys(access.plans).join(', ')}.`,
    );
  const publicKeys = [
    ...(publicKeyFile === undefined ? [] : [await keysOfFile(publicKeyFile)]),
    ...(jwksUrl === undefined ? [] : [keysOfUrl(jwksUrl)]),
  ];
  const secret = await loadSecret(stateDir, configuredSecret);
  return {
    access,
    derive: (purpose) => createHmac('sha256', secret).update(purpose).digest('base64url'),
    tokens: createTokens({ ...jwt, secret, publicKeys, access, defaultPlan }),
  };
};
