import { type AccessTable, loadAccess } from '../authorization/access-file.ts';
import { AppError } from '../errors.ts';
import type { Algorithm } from './algorithms.ts';
import type { ClaimPaths } from './claims.ts';
import { keysOfFile, keysOfUrl } from './keys.ts';
import { loadSecret } from './secret.ts';
import { createTokens, type Tokens } from './tokens.ts';

export type AccessOptions = {
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

/** Tokens and what they are checked against, as configured. `INVALID_ARGUMENT` for a file that cannot be used. */
export const openAccess = async ({
  stateDir,
  accessFile,
  defaultPlan,
  jwt: { secret: given, publicKeyFile, jwksUrl, ...jwt },
}: AccessOptions): Promise<{ access: AccessTable; tokens: Tokens; secret: string }> => {
  const access = await loadAccess(accessFile);
  if (!Object.hasOwn(access.plans, defaultPlan))
    throw new AppError(
      'INVALID_ARGUMENT',
      `SANDBANK_DEFAULT_PLAN: there is no plan "${defaultPlan}". There is: ${Object.keys(access.plans).join(', ')}.`,
    );
  const publicKeys = [
    ...(publicKeyFile === undefined ? [] : [await keysOfFile(publicKeyFile)]),
    ...(jwksUrl === undefined ? [] : [keysOfUrl(jwksUrl)]),
  ];
  const secret = await loadSecret(stateDir, given);
  return {
    access,
    secret,
    tokens: createTokens({ ...jwt, secret, publicKeys, access, defaultPlan }),
  };
};
