import type { Rights } from '../authorization/role.ts';

/** The caller that a token identifies. Times are milliseconds since the epoch. */
export type Identity = {
  subject: string;
  tenant: string;
  role: string;
  plan: string;
  /** The `scope` claim, word by word; null when the token has none. */
  scope: readonly string[] | null;
  issuedAt: number;
  expiresAt: number;
  /** `jti`, null when the token has none. */
  tokenId: string | null;
  rights: Rights;
};

/** The caller of one request. */
export type Principal = Identity & {
  requestId: string;
  /** The address of the client; null for work of the server itself. */
  address: string | null;
};
