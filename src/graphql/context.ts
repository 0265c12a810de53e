import type { AuditService } from '../audit/service.ts';
import type { Principal } from '../authentication/principal.ts';
import type { TokenService } from '../authentication/service.ts';
import type { Session } from '../authentication/sessions.ts';
import type { SharingService } from '../authorization/sharing.ts';
import type { CatalogService } from '../catalog/service.ts';
import type { DiagnosisService } from '../diagnosis/service.ts';
import type { FileService } from '../files/service.ts';
import type { PortService } from '../ports/service.ts';
import type { ProcessService } from '../processes/operations.ts';
import type { SandboxService } from '../sandboxes/operations.ts';
import type { UsageService } from '../usage/service.ts';

/** Guarded: each method checks its rule first. */
export type Services = {
  sandboxes: SandboxService;
  processes: ProcessService;
  files: FileService;
  ports: PortService;
  usage: UsageService;
  tokens: TokenService;
  audit: AuditService;
  sharing: SharingService;
  diagnosis: DiagnosisService;
  catalog: CatalogService;
};

/** What every resolver gets. One object per operation; a subscription gets fresh loaders for each event. */
export type Context = Services & {
  /** null for a caller without a token: only `__typename`, and in development introspection, answer. */
  principal: Principal | null;
  requestId: string;
  /** The address of the client. */
  address: string | null;
  /** Of the WebSocket; null over HTTP. */
  session: Session | null;
  /** Aborts when the client leaves, the token expires or the server drains. */
  signal: AbortSignal;
  /** What this operation costs in points, known before it runs. */
  cost: number;
};
