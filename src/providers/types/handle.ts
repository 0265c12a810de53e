import type { Duplex } from 'node:stream';
import type { SandboxFiles, VendorFiles } from './files.ts';
import type { SandboxProcess, SpawnSpec, StartLimit, StartSpec, VendorProcess } from './process.ts';
import type { ResourceUsage, SandboxEnd } from './sandbox.ts';

/** A living sandbox as its vendor gives it: a small core, and groups. An absent group says that the vendor cannot. */
export type VendorHandle = {
  ref: string;
  /** Settles once, when the sandbox has ended for whatever reason. */
  ended: Promise<SandboxEnd>;
  /**
   * A failure after which nobody knows whether the process runs is `UNAVAILABLE` with `details.ambiguous`, and is never retried. A
   * non-zero exit never throws.
   */
  spawn(spec: SpawnSpec, signal: AbortSignal): Promise<VendorProcess>;
  files: VendorFiles;
  /** Resolves when nothing is left of the sandbox. Idempotent; tries again after a failure. */
  destroy(signal: AbortSignal): Promise<void>;
  /** A process started earlier, also by a server that has since died. `after` is the last recorded position, 0 for the start. `NOT_FOUND` when it is unknown. */
  attach?(ref: string, after: number, signal: AbortSignal): Promise<VendorProcess>;
  ports?: {
    /** TCP ports that are listened on inside. */
    list?(signal: AbortSignal): Promise<number[]>;
    /** A connection to a port inside. `UNAVAILABLE` when nothing listens there. */
    dial?(port: number, signal: AbortSignal): Promise<Duplex>;
    /** Where the vendor serves the port to the world. */
    url?(port: number, signal: AbortSignal): Promise<string>;
  };
  usage?(signal: AbortSignal): Promise<ResourceUsage>;
  expiry?: {
    /** Moves the instant (milliseconds since the epoch) at which the vendor ends the sandbox. */
    extendTo(instant: number, signal: AbortSignal): Promise<void>;
  };
  /** Lets go of the sandbox, which lives on. */
  detach?(): void;
};

/** A living sandbox with every member, made by `providers/complete/`. All code outside `providers/` sees this one only. */
export type SandboxHandle = {
  ref: string;
  ended: Promise<SandboxEnd>;
  /** A second start with the same id gives the first process. A start whose outcome is unknown rejects with `details.ambiguous`. */
  spawn(spec: StartSpec): Promise<SandboxProcess>;
  /**
   * `id` is Sandbank's, `ref` the vendor's, `after` the last recorded position. The same handle knows a process until its `release`, and goes on where it
   * was not acknowledged. `NOT_FOUND` when it is unknown, also where the provider cannot reattach and another handle started it. `limit` is what
   * the process was started with, so that its timeout still holds.
   */
  attach(id: string, ref: string, after: number, limit?: StartLimit): Promise<SandboxProcess>;
  files: SandboxFiles;
  usage(): Promise<ResourceUsage>;
  dial(port: number): Promise<Duplex>;
  /** Throws `UNSUPPORTED` where ports cannot be reached, before anyone is given an address. */
  requirePorts(): void;
  /** Where the vendor itself serves the port to the world; null where ports are reached by `dial` instead. */
  portUrl(port: number): Promise<string | null>;
  ports(): Promise<number[]>;
  /** Nothing where the vendor has no expiration of its own; `UNSUPPORTED` where it cannot be moved. */
  extendTo(instant: number): Promise<void>;
  destroy(): Promise<void>;
  /** Lets go of the sandbox, which lives on: whoever reads the output of a process is told so, and nothing of it is watched any more. */
  detach(): void;
};
