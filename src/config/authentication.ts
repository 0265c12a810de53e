import { z } from 'zod';
import { algorithms } from '../authentication/algorithms.ts';
import { count, list, type Variables } from '../lib/settings.ts';

const optional = z.string().optional();
const claim = z.string().min(1).max(255);

/** Whose tokens are accepted, and what they say. */
export const authenticationVariables = {
  SANDBANK_JWT_SECRET: [
    z.string().min(32).optional(),
    undefined,
    'HS256 secret, 32 bytes or more (default: made and kept in the state directory)',
  ],
  SANDBANK_JWT_PUBLIC_KEY_FILE: [
    optional,
    undefined,
    'PEM file of public keys or certificates for RS, PS and ES tokens',
  ],
  SANDBANK_JWKS_URL: [
    z.url({ protocol: /^https?$/ }).optional(),
    undefined,
    'JSON Web Key Set of public keys, fetched and kept for 10 minutes',
  ],
  SANDBANK_JWT_ALGORITHMS: [
    z
      .string()
      .transform(list)
      .pipe(z.array(z.enum(algorithms)).min(1)),
    'HS256',
    `accepted signatures, separated by commas: ${algorithms.join(', ')}`,
  ],
  SANDBANK_JWT_CLOCK_TOLERANCE_SECONDS: [count(0, 300), '5', 'how far clocks may differ'],
  SANDBANK_JWT_CLAIM_SUBJECT: [claim, 'sub', 'claim (or path with dots) of the subject'],
  SANDBANK_JWT_CLAIM_TENANT: [claim, 'tenant', 'of the tenant'],
  SANDBANK_JWT_CLAIM_ROLE: [claim, 'role', 'of the role'],
  SANDBANK_JWT_CLAIM_SCOPE: [claim, 'scope', 'of the scope, which narrows the role'],
  SANDBANK_JWT_CLAIM_PLAN: [claim, 'plan', 'of the plan'],
  SANDBANK_ACCESS_FILE: [optional, undefined, 'JSON file of roles and plans (docs/access.md)'],
  SANDBANK_DEFAULT_PLAN: [
    optional,
    undefined,
    'plan of tokens that name none (default: unlimited in development, free in production)',
  ],
  SANDBANK_AUTH_FAILURES_PER_MINUTE: [
    count(1, 1_000_000),
    '60',
    'refused requests of one address before it is answered 429',
  ],
  SANDBANK_JWT_ISSUER: [optional, undefined, 'iss that tokens must have'],
  SANDBANK_JWT_AUDIENCE: [optional, undefined, 'aud that tokens must have'],
} satisfies Variables;
