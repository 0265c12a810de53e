import { type Role, roles } from '../access/principal.ts';
import { loadSecret } from '../access/secret.ts';
import { createTokens } from '../access/tokens.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';

export type TokenOptions = {
  role?: string | undefined;
  tenant?: string | undefined;
  subject?: string | undefined;
  ttl?: string | undefined;
};

const isRole = (text: string): text is Role => roles.some((role) => role === text);

/** Prints one token and nothing else, so that `$(sandbank token)` works. */
export const token = async (config: Config, options: TokenOptions): Promise<number> => {
  const { role = 'admin', tenant = 'dev', subject = 'dev', ttl = '86400' } = options;
  if (!isRole(role)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `--role must be one of ${roles.join(', ')}, not "${role}".`,
    );
  }
  const ttlSeconds = Number(ttl);
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `--ttl must be a whole number of seconds, not "${ttl}".`,
    );
  }
  const tokens = createTokens({
    ...config.jwt,
    secret: await loadSecret(config.stateDir, config.jwt.secret),
  });
  process.stdout.write(`${tokens.issue({ subject, tenant, role, ttlSeconds }).token}\n`);
  return 0;
};
