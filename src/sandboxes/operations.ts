import type { Principal } from '../authentication/principal.ts';
import type { ResourceUsage } from '../providers/types/sandbox.ts';
import type { Sandbox, SandboxFilter } from '../store/types/sandbox.ts';
import type {
  SandboxEvent,
  SandboxEventFilter,
  SandboxEventGap,
} from '../store/types/sandbox-event.ts';
import type { SandboxReader } from './reader.ts';
import type { CreateSandboxInput } from './types.ts';

/** What callers get; who may call what is in rules.ts. */
export type SandboxService = Pick<SandboxReader, 'page' | 'count'> & {
  /** `NOT_FOUND`, also for another's. */
  get(principal: Principal, id: string): Promise<Sandbox>;
  getMany: SandboxReader['findMany'];
  create(
    principal: Principal,
    input: CreateSandboxInput,
  ): Promise<{ row: Sandbox; replayed: boolean }>;
  /** Replaces all labels. */
  setLabels(principal: Principal, id: string, labels: Record<string, string>): Promise<Sandbox>;
  /** Ends `seconds` from now instead. */
  extend(principal: Principal, id: string, seconds: number): Promise<Sandbox>;
  destroy(principal: Principal, id: string): Promise<Sandbox>;
  destroyMany(principal: Principal, filter: SandboxFilter): Promise<Sandbox[]>;
  usage(principal: Principal, id: string): Promise<ResourceUsage>;
  /** 1 for the next one; null for one that does not wait. */
  queuePosition(principal: Principal, id: string): Promise<number | null>;
  /** Of the caller's tenant, or of another where its role reaches that far. */
  events(
    principal: Principal,
    filter: SandboxEventFilter & { tenant?: string | undefined },
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<SandboxEvent | SandboxEventGap>>;
};
