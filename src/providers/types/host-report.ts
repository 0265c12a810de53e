/** What a provider found of what it needs, for the operator of this machine. */
export type HostReport = {
  /** Its sandboxes work here. */
  ok: boolean;
  checks: readonly {
    name: string;
    status: 'ok' | 'warning' | 'failed';
    detail: string;
    remedy: string | null;
  }[];
};
