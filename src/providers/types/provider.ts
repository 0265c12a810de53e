import type { Logger } from 'pino';
import type { Sealer } from '../../lib/sealed.ts';
import type { Capabilities } from './capabilities.ts';
import type { SandboxHandle, VendorHandle } from './handle.ts';
import type { Listed, ResourceLimits, SandboxSpec } from './sandbox.ts';

export type Health = {
  status: 'healthy' | 'degraded' | 'unavailable';
  /** What is wrong and how to repair it. */
  reason: string | null;
};

/** The seam between Sandbank and one vendor of sandboxes. Every call takes a signal and settles soon after it aborts. */
export type Provider = {
  name: string;
  capabilities: Capabilities;
  /** Names of what a sandbox can be made from. Left out: `default` is the only one. */
  templates?: readonly string[];
  health(signal: AbortSignal): Promise<Health>;
  /** `UNAVAILABLE` with the way to repair it where the provider cannot work here. */
  create(spec: SandboxSpec, signal: AbortSignal): Promise<VendorHandle>;
  /** A sandbox created earlier, also by a server that has since died. `NOT_FOUND` when it is gone. */
  connect(ref: string, signal: AbortSignal): Promise<VendorHandle>;
  /** Everything at the vendor that bears this deployment's label, and nothing else. */
  list(signal: AbortSignal): Promise<Listed[]>;
  /** Ends a sandbox without a connection to it, so that one that answers nothing can be ended too. Idempotent; what does not bear this deployment's label is never touched (`NOT_FOUND`). */
  destroy(ref: string, signal: AbortSignal): Promise<void>;
  /** Lets go of connections; sandboxes live on. */
  dispose(): Promise<void>;
};

export type CreateOptions = {
  signal?: AbortSignal;
  /** Whether a sandbox that came after the deadline has been taken by somebody else meanwhile, so that it must not be destroyed. Default: never. */
  isTaken?: (ref: string) => Promise<boolean>;
};

/** What is stored of a sandbox and needed to complete its handle. */
export type SandboxFacts = Pick<SandboxSpec, 'limits'>;

/**
 * A provider as the pool sees it, made by `providers/complete/`: every call is bounded in time, settles, and fails with an `AppError`; handles
 * have every member.
 */
export type CompleteProvider = {
  name: string;
  capabilities: Capabilities;
  templates: readonly string[];
  /** Never rejects: a provider that does not answer, or answers nonsense, is `unavailable`. */
  health(): Promise<Health>;
  create(spec: SandboxSpec, options?: CreateOptions): Promise<SandboxHandle>;
  /** `NOT_FOUND` when it is gone. */
  connect(ref: string, facts: SandboxFacts, signal?: AbortSignal): Promise<SandboxHandle>;
  list(signal?: AbortSignal): Promise<Listed[]>;
  destroy(ref: string, signal?: AbortSignal): Promise<void>;
  dispose(): Promise<void>;
};

/** What every provider is opened with, besides the settings of its own (`providers/<name>/config.ts`). */
export type ProviderContext = {
  /** The label of this deployment: a random id that the database keeps. */
  deployment: string;
  /** An absolute folder for what the provider keeps on this machine. */
  stateDir: string;
  /** For values of variables, which must not be readable on disk. */
  sealer: Sealer;
  /** The limits of a sandbox that asks for none: what a provider that keeps sandboxes ready starts them with. */
  defaultLimits: ResourceLimits;
  log: Logger;
};
