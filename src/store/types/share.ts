export const shareAccesses = ['read', 'write'] as const;
export type ShareAccess = (typeof shareAccesses)[number];

/** A sandbox that another subject of the same tenant may see, or use. */
export type Share = {
  tenant: string;
  sandboxId: string;
  subject: string;
  access: ShareAccess;
  createdBy: string;
  createdAt: number;
};

export type ShareStore = {
  /** Replaces an earlier one for the same subject. */
  put(share: Share): Promise<void>;
  /** False when there was none. */
  remove(tenant: string, sandboxId: string, subject: string): Promise<boolean>;
  of(tenant: string, sandboxId: string): Promise<Share[]>;
  /** Those of these sandboxes that are shared with the subject. */
  among(tenant: string, subject: string, sandboxIds: readonly string[]): Promise<Share[]>;
};
