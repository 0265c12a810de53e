import type { EventLog } from './event-log.ts';
import type { Labels, Sandbox } from './sandbox.ts';

export const sandboxEventKinds = [
  'sandbox-queued',
  'sandbox-created',
  'sandbox-ready',
  'sandbox-expiring',
  'sandbox-destroyed',
  'sandbox-failed',
] as const;
export type SandboxEventKind = (typeof sandboxEventKinds)[number];

/** The sandbox as it was at the event. */
export type SandboxEventFacts = {
  sandboxId: string;
  provider: string;
  createdBy: string;
  labels: Labels;
  reason: Sandbox['terminationReason'];
  message: string | null;
  /** In the waiting room when it entered, 1 for the next one; null for other events. */
  position: number | null;
};
export type SandboxEventBody = { kind: SandboxEventKind; meta: SandboxEventFacts };
export type SandboxEventLog = EventLog<SandboxEventBody>;

/** What is told with a change of a row; the facts come from the row as it is after the change. */
export type SandboxEventNote = { kind: SandboxEventKind; at: number; position?: number };

export type SandboxEvent = SandboxEventFacts & {
  kind: SandboxEventKind;
  cursor: string;
  at: number;
};
export type SandboxEventGap = { kind: 'gap'; cursor: string; from: number; to: number };

export type SandboxEventFilter = {
  ids?: readonly string[] | undefined;
  providers?: readonly string[] | undefined;
  labels?: Labels | undefined;
};
