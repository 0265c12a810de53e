/** One thing that local sandboxes need of the host, and how to get it where it is missing. */
export type HostCheck = {
  name: string;
  status: 'ok' | 'warning' | 'failed';
  detail: string;
  remedy: string | null;
};

export const ok = (name: string, detail: string): HostCheck => ({
  name,
  status: 'ok',
  detail,
  remedy: null,
});

/** Sandboxes work, but less well. */
export const warning = (name: string, detail: string, remedy: string): HostCheck => ({
  name,
  status: 'warning',
  detail,
  remedy,
});

/** There can be no sandboxes. */
export const failed = (name: string, detail: string, remedy: string): HostCheck => ({
  name,
  status: 'failed',
  detail,
  remedy,
});
