export const revocationKinds = ['token', 'subject', 'tenant'] as const;
export type RevocationKind = (typeof revocationKinds)[number];

/** Tokens of `tenant` that no longer count: the one with this id, or those of a subject or of all that were issued until `before`. */
export type Revocation = {
  id: string;
  tenant: string;
  kind: RevocationKind;
  /** The id of the token, or the subject; empty for a tenant. */
  value: string;
  before: number;
  createdBy: string;
  createdAt: number;
};

export type RevocationStore = {
  insert(row: Revocation): Promise<void>;
  /** All tenants. */
  since(createdAt: number): Promise<Revocation[]>;
};
