import { openAuthentication } from '../authentication/open.ts';
import { unknownWords } from '../authorization/rights.ts';
import type { Config } from '../config/read.ts';
import { AppError } from '../errors.ts';

export type TokenOptions = {
  role?: string | undefined;
  tenant?: string | undefined;
  subject?: string | undefined;
  plan?: string | undefined;
  scope?: string | undefined;
  ttl?: string | undefined;
};

/** Prints one token and nothing else, so that `$(sandbank token)` works. */
export const token = async (config: Config, options: TokenOptions): Promise<number> => {
  const { role = 'admin', tenant = 'dev', subject = 'dev', plan, ttl = '86400' } = options;
  const { access, tokens } = await openAuthentication(config);
  const known = (option: string, name: string, table: object): void => {
    if (!Object.hasOwn(table, name))
      throw new AppError(
        'INVALID_ARGUMENT',
        `--${option} must be one of ${Object.keys(table).join(', ')}, not "${name}".`,
      );
  };
  known('role', role, access.roles);
  if (plan !== undefined) known('plan', plan, access.plans);
  const ttlSeconds = Number(ttl);
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `--ttl must be a whole number of seconds, not "${ttl}".`,
    );
  }
  const scope = options.scope?.split(' ').filter(Boolean);
  const unknown = unknownWords(scope ?? []);
  if (unknown.length)
    throw new AppError(
      'INVALID_ARGUMENT',
      `--scope: there is no "${unknown.join('", "')}". Words are permissions such as files:read, sandbox:<id> and read-only.`,
    );
  const issued = tokens.issue({ subject, tenant, role, plan, scope, ttlSeconds });
  process.stdout.write(`${issued.token}\n`);
  return 0;
};
