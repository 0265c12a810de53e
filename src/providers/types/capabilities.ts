/** The closed sets of what a provider can do, and how well. GraphQL's enums are made from them. */
export const reattachModes = ['replay', 'live', 'none'] as const;
export const outputModes = ['bytes', 'text', 'at-end'] as const;
export const fileModes = ['bytes', 'text'] as const;
export const signalModes = ['tree', 'group', 'process', 'none'] as const;
export const networkModes = ['none', 'allow-list', 'full'] as const;
export const portModes = ['tunnel', 'url', 'none'] as const;
export const pauseModes = ['memory', 'filesystem', 'none'] as const;
export const snapshotModes = ['filesystem', 'none'] as const;
export const secretModes = ['brokered', 'env'] as const;
export const warmModes = ['native', 'pool', 'none'] as const;
export const extendModes = ['native', 'server', 'none'] as const;
export const supportModes = ['native', 'none'] as const;
export const limitModes = ['enforced', 'advisory', 'none'] as const;

export type NetworkMode = (typeof networkModes)[number];
export type LimitMode = (typeof limitModes)[number];
type Support = (typeof supportModes)[number];

/** How each capability is met. `none` means that `providers/complete/` finds another way, or refuses the call with `UNSUPPORTED`. */
export type Capabilities = {
  /** What a later server gets of a running process: everything not yet acknowledged, only new output, or nothing. */
  reattach: (typeof reattachModes)[number];
  /** `bytes`: output is exact and comes as it is written; `text`: the vendor decoded it; `at-end`: it comes when the process has ended, and may have been decoded. */
  output: (typeof outputModes)[number];
  /** `text`: the vendor's file API carries text only. */
  files: (typeof fileModes)[number];
  pty: Support;
  stdin: Support;
  /** What a signal reaches: everything a process ever started, its process group, the process alone, or nothing. */
  signals: (typeof signalModes)[number];
  watch: Support;
  ports: (typeof portModes)[number];
  /** `native`: the vendor's expiration can be moved; `server`: the vendor has none, Sandbank alone ends a sandbox; `none`: the vendor ends it at the instant that was given when it was created. */
  extend: (typeof extendModes)[number];
  networkModes: readonly NetworkMode[];
  pause: (typeof pauseModes)[number];
  snapshot: (typeof snapshotModes)[number];
  secrets: (typeof secretModes)[number];
  /** Who keeps empty sandboxes ready: the provider, Sandbank's pool, or nobody. */
  warm: (typeof warmModes)[number];
  /** Whether its sandboxes live on this machine only, so that no other host's server can reach them. */
  bound: 'host' | 'none';
  /**
   * `enforced`: nothing in the sandbox gets past it; `advisory`: it can be exceeded or evaded, such as a limit that is only polled. `time` is
   * `timeoutMs` of a process: `enforced` where the vendor ends everything that the process started.
   */
  limits: Readonly<Record<LimitedResource, LimitMode>>;
};

export const limitedResources = ['cpu', 'memory', 'disk', 'inodes', 'processes', 'time'] as const;
export type LimitedResource = (typeof limitedResources)[number];
