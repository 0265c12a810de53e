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

export type SandboxEvent = {
  kind: SandboxEventKind;
  cursor: string;
  at: number;
  sandboxId: string;
  provider: string;
  createdBy: string;
  labels: Labels;
  reason: Sandbox['terminationReason'];
  message: string | null;
  /** In the waiting room when it entered, 1 for the next one; null for other events. */
  position: number | null;
};
export type SandboxEventGap = { kind: 'gap'; cursor: string; from: number; to: number };

export type SandboxEventFilter = {
  ids?: readonly string[] | undefined;
  providers?: readonly string[] | undefined;
  labels?: Labels | undefined;
};
