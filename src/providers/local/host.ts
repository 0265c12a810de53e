import type { Assets } from './assets.ts';
import type { Cgroups } from './cgroup.ts';
import type { Trash } from './trash.ts';
import type { Uids } from './uids.ts';

/** What the sandboxes of this host share. */
export type Host = {
  /** The folder that holds the folders of all sandboxes. */
  base: string;
  assets: Assets;
  uids: Uids;
  /** Null where there is no writable control group. */
  cgroups: Cgroups | null;
  trash: Trash;
};
