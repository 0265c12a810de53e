import type { NetworkMode } from './capabilities.ts';

export type NetworkPolicy = {
  mode: NetworkMode;
  /** Host names for `allow-list`; `*.example.com` stands for every name below it. */
  allow: readonly string[];
};

export type ResourceLimits = {
  /** Cores; may be fractional. */
  cpus: number;
  memoryBytes: number;
  diskBytes: number;
  processes: number;
};

export type SandboxSpec = {
  /** Sandbank's id. The vendor stores it as a label, so that a create without an answer can be found again. */
  id: string;
  template: string;
  env: Readonly<Record<string, string>>;
  limits: ResourceLimits;
  network: NetworkPolicy;
  /** The instant in milliseconds since the epoch at which the sandbox may end by itself, should no server be there to end it. */
  expiresAt: number;
  /** Ports that servers inside will listen on, for vendors that must know them beforehand. */
  ports: readonly number[];
  labels: Readonly<Record<string, string>>;
};

/** A sandbox that the vendor holds for this deployment. */
export type Listed = {
  /** The vendor's opaque id. */
  ref: string;
  /** Sandbank's id, from the label. */
  id: string;
  /** Whose sandbox it is, from the label: always that of the deployment that asks. */
  deployment: string;
  createdAt: number | null;
  expiresAt: number | null;
  state: 'running' | 'paused' | 'ended' | 'unknown';
};

/** `died`: nobody here ended it. */
export type SandboxEnd = { reason: 'destroyed' | 'died'; message: string };

/** Numbers that the vendor does not give are null. `enforcement` says for each limit who holds it, such as `cgroup v2` or `rlimit`. */
export type ResourceUsage = {
  /** User and system CPU seconds since the sandbox began. */
  cpuSeconds: number | null;
  memoryBytes: number | null;
  peakMemoryBytes: number | null;
  diskBytes: number | null;
  processes: number | null;
  /** Bytes to and from outside, since this handle exists. */
  egressBytes: number | null;
  limits: ResourceLimits;
  enforcement: { cpus: string; memory: string; disk: string; processes: string };
};
