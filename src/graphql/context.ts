import type { Principal } from '../access/principal.ts';
import type { FileService } from '../files/service.ts';
import type { ProcessService } from '../processes/service.ts';
import type { Ports } from '../sandboxes/ports.ts';
import type { SandboxService } from '../sandboxes/service.ts';

export type Services = {
  sandboxes: SandboxService;
  processes: ProcessService;
  files: FileService;
  ports: Ports;
};

/** What every resolver gets. One object per operation; a subscription gets fresh loaders for each event. */
export type Context = Services & {
  /** null for a caller without a token: only introspection and `__typename` answer. */
  principal: Principal | null;
  requestId: string;
  /** Aborts when the client leaves, the token expires or the server drains. */
  signal: AbortSignal;
};
