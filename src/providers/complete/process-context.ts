import type { Logger } from 'pino';
import type { Capabilities } from '../types/capabilities.ts';
import type { Call } from './call.ts';
import type { Deadlines } from './deadlines.ts';
import type { Unsupported } from './unsupported.ts';

/** What the processes of one sandbox share. */
export type ProcessContext = {
  capabilities: Capabilities;
  call: Call;
  deadlines: Deadlines;
  unsupported: Unsupported;
  /** Sends a signal by a command in the sandbox. */
  kill(pid: number, name: string): Promise<void>;
  /** The sandbox has ended, or is being destroyed. */
  hasSandboxEnded(): boolean;
  /** Calls once when the sandbox has ended; returns the way to be called no more. */
  onSandboxEnd(listener: () => void): () => void;
  log: Logger;
};
