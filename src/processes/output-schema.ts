import { builder } from '../graphql/builder.ts';
import { described, upper } from '../graphql/enums.ts';
import type { OutputStream } from '../providers/types/process.ts';
import type { OutputPage as OutputPageRow } from './output.ts';
import type { ExitEvent, GapEvent, OutputEvent, ProcessEvent } from './output-events.ts';

const StreamEnum = builder.enumType('OutputStream', {
  description: 'Where a process wrote.',
  values: upper<OutputStream>({
    stdout: 'Standard output.',
    stderr: 'Standard error.',
    pty: 'A terminal, where both are one.',
  }),
});

const ExitKind = builder.enumType('ExitKind', {
  description: 'How a process ended. Never invented.',
  values: described({
    EXITED: 'By itself.',
    SIGNALED: 'By a signal.',
    TIMED_OUT: 'Killed when its time was over.',
    LOST: 'Nobody saw how.',
  }),
});

const EventInterface = builder.interfaceRef<ProcessEvent>('ProcessEvent').implement({
  description: 'One event of a process’s stream. The exit comes once, and last.',
  resolveType: (event) =>
    'event' in event ? 'ProcessExited' : event.kind === 'output' ? 'ProcessOutput' : 'OutputGap',
  fields: (t) => ({
    cursor: t.field({
      description: 'Resume after this event with it.',
      type: 'Cursor',
      resolve: ({ cursor }) => cursor,
    }),
  }),
});

builder.objectRef<OutputEvent>('ProcessOutput').implement({
  description: 'Bytes that a process wrote, in order.',
  interfaces: [EventInterface],
  fields: (t) => ({
    stream: t.field({ description: 'Where.', type: StreamEnum, resolve: ({ stream }) => stream }),
    data: t.field({
      description: 'The bytes, exactly.',
      type: 'Base64',
      resolve: ({ bytes }) => bytes,
    }),
    text: t.string({
      description:
        'The same as UTF-8. No character is cut in two: its first bytes wait for the event that completes it. Invalid bytes are U+FFFD.',
      resolve: ({ text }) => text,
    }),
    at: t.field({
      description: 'When it was recorded.',
      type: 'DateTime',
      resolve: ({ at }) => at,
    }),
  }),
});

builder.objectRef<ExitEvent>('ProcessExited').implement({
  description: 'The end of a process; the stream completes after it.',
  interfaces: [EventInterface],
  fields: (t) => ({
    kind: t.field({ description: 'How.', type: ExitKind, resolve: ({ kind }) => kind }),
    exitCode: t.exposeInt('exitCode', { description: '0 to 255, for EXITED.', nullable: true }),
    signal: t.exposeString('signal', {
      description: 'Such as SIGKILL, for SIGNALED and TIMED_OUT.',
      nullable: true,
    }),
    cpuSeconds: t.exposeFloat('cpuSeconds', {
      description: 'CPU seconds, in steps of 0.01.',
      nullable: true,
    }),
    maxMemoryBytes: t.field({
      description: 'Most memory.',
      type: 'Byte',
      nullable: true,
      resolve: ({ maxMemoryBytes }) => maxMemoryBytes,
    }),
    at: t.field({
      description: 'When it was recorded.',
      type: 'DateTime',
      resolve: ({ at }) => at,
    }),
  }),
});

builder.objectRef<GapEvent>('OutputGap').implement({
  description: 'Output that was and can no longer be had. What follows is whole again.',
  interfaces: [EventInterface],
  fields: (t) => ({
    from: t.exposeInt('from', { description: 'Number of the first lost record.' }),
    to: t.exposeInt('to', { description: 'Number of the last lost record.' }),
    reason: t.exposeString('reason', { description: 'Why.' }),
  }),
});

export const OutputPage = builder.objectRef<OutputPageRow>('ProcessOutputPage').implement({
  description: 'A part of a process’s stream.',
  fields: (t) => ({
    events: t.field({
      description: 'In order.',
      type: [EventInterface],
      resolve: ({ events }) => events,
    }),
    cursor: t.field({
      description: 'The next page comes after it; `processOutput` goes on from it too.',
      type: 'Cursor',
      nullable: true,
      resolve: ({ cursor }) => cursor,
    }),
    hasMore: t.boolean({ description: 'There is more right now.', resolve: ({ more }) => more }),
    ended: t.exposeBoolean('ended', {
      description: 'The process has ended: no more will come after what there is.',
    }),
  }),
});

const subscription = (name: string, idName: string, description: string) =>
  builder.subscriptionField(name, (t) =>
    t.withAuth({ authenticated: true }).field({
      description,
      type: EventInterface,
      extensions: { pureEvents: true },
      args: {
        [idName]: t.arg.id({ required: true, description: 'Whose.' }),
        after: t.arg({
          type: 'Cursor',
          description: 'Only what came after this event. Without it: from the start.',
        }),
      },
      subscribe: (_, args, { processes, principal, signal }) =>
        processes.follow(
          principal,
          String(args[idName as keyof typeof args]),
          (args.after as string | null | undefined) ?? null,
          signal,
        ),
      resolve: (event: ProcessEvent) => event,
    }),
  );

subscription(
  'processOutput',
  'processId',
  'All a process wrote, then what it writes, then its exit: nothing lost, and nothing twice for a client that resumes by cursor.',
);
subscription(
  'terminalOutput',
  'terminalId',
  'All a terminal showed, then what it shows, then its exit: as `processOutput`.',
);
