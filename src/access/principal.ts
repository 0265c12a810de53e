export const roles = ['viewer', 'developer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Who calls, as the token says. */
export type Principal = {
  subject: string;
  tenant: string;
  role: Role;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** `jti`, null when the token has none. */
  tokenId: string | null;
};
