import type { Tokens } from './tokens.ts';

const SECONDS = 24 * 3_600;

/** What a developer tries Sandbank with on their own machine: an administrator of the tenant `dev`, for a day. */
export const issueDevelopmentToken = (tokens: Tokens): ReturnType<Tokens['issue']> =>
  tokens.issue({ subject: 'dev', tenant: 'dev', role: 'admin', ttlSeconds: SECONDS });
