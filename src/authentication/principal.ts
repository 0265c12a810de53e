import type { Rights } from '../authorization/role.ts';

/** Who a token speaks for. Times are milliseconds since the epoch. */
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

/** Who calls, in one request. */
export type Principal = Identity & {
  requestId: string;
  /** Address of the client; null for work of the server's own. */
  address: string | null;
};
