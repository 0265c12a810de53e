import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import type { Capabilities, LimitMode, NetworkMode } from '../providers/types/capabilities.ts';

type Mode<Key extends keyof Capabilities> = Capabilities[Key] & string;

const modes = <Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string>>,
) => builder.enumType(name, { description, values: upper<Value>(values) });

export const NetworkModeEnum = modes<NetworkMode>(
  'NetworkMode',
  'What a sandbox may reach. Never the host itself or private addresses.',
  {
    none: 'Nothing outside.',
    'allow-list': 'The hosts listed, over HTTP and HTTPS.',
    full: 'Every public host, over HTTP and HTTPS.',
  },
);
const SupportEnum = modes<Mode<'pty'>>('Support', 'Whether a provider has something.', {
  native: 'The provider has it.',
  none: 'The call is refused with UNSUPPORTED.',
});
const ReattachEnum = modes<Mode<'reattach'>>(
  'ReattachMode',
  'What a server that restarts gets of a process that runs.',
  {
    replay: 'Everything that was not recorded yet.',
    live: 'New output only; a gap tells of the rest.',
    none: 'Nothing: the process counts as lost.',
  },
);
const OutputEnum = modes<Mode<'output'>>('OutputMode', 'How the output of a process arrives.', {
  bytes: 'Exactly, as it is written.',
  text: 'As it is written, decoded by the vendor: what is not UTF-8 is lost.',
  'at-end': 'When the process has ended, perhaps decoded by the vendor.',
});
const SignalEnum = modes<Mode<'signals'>>('SignalReach', 'What a signal to a process reaches.', {
  tree: 'Everything the process started.',
  group: 'Its process group.',
  process: 'The process alone.',
  none: 'A command in the sandbox sends it where the process identifier is known; else UNSUPPORTED.',
});
const PortEnum = modes<Mode<'ports'>>('PortMode', 'How servers in a sandbox are reached.', {
  tunnel: 'Through Sandbank.',
  url: 'At an address of the vendor.',
  none: 'Not at all.',
});
const ExtendEnum = modes<Mode<'extend'>>('ExtendMode', 'Who holds the expiration of a sandbox.', {
  native: 'The vendor, which moves it.',
  server: 'Sandbank alone.',
  none: 'The vendor, which cannot move it: extending is refused with UNSUPPORTED.',
});
const PauseEnum = modes<Mode<'pause'>>('PauseMode', 'What survives a pause.', {
  memory: 'Processes and files.',
  filesystem: 'Files.',
  none: 'It cannot be paused.',
});
const SnapshotEnum = modes<Mode<'snapshot'>>('SnapshotMode', 'What a snapshot holds.', {
  filesystem: 'Files.',
  none: 'There are no snapshots.',
});
const SecretEnum = modes<Mode<'secrets'>>('SecretMode', 'How secrets reach a sandbox.', {
  brokered: 'Never: requests get them on the way out.',
  env: 'As variables that processes see.',
});
const LimitEnum = modes<LimitMode>('LimitMode', 'How a limit is held.', {
  enforced: 'Nothing in the sandbox gets past it.',
  advisory: 'It can be exceeded for a while, or evaded.',
  none: 'It is not held: a sandbox that asks for this limit is placed elsewhere.',
});

const LimitsRef = builder.objectRef<Capabilities['limits']>('LimitModes').implement({
  description: 'How a provider holds each limit of a sandbox.',
  fields: (t) => {
    const limit = (key: keyof Capabilities['limits'], description: string) =>
      t.field({ description, type: LimitEnum, resolve: (limits) => limits[key] });
    return {
      cpu: limit('cpu', 'Cores.'),
      memory: limit('memory', 'Memory.'),
      disk: limit('disk', 'Bytes on disk.'),
      inodes: limit('inodes', 'Files on disk.'),
      processes: limit('processes', 'Processes at once.'),
      time: limit('time', '`timeoutMs` of a process, for everything that it started.'),
    };
  },
});

export const CapabilitiesRef = builder.objectRef<Capabilities>('Capabilities').implement({
  description:
    'How a provider does each thing. What it lacks is done by a command in the sandbox where that is the same, else refused with UNSUPPORTED.',
  fields: (t) => ({
    reattach: t.field({
      description: 'What a server that restarts gets of a process that runs.',
      type: ReattachEnum,
      resolve: (row) => row.reattach,
    }),
    output: t.field({
      description: 'How output arrives.',
      type: OutputEnum,
      resolve: (row) => row.output,
    }),
    pty: t.field({ description: 'Terminals.', type: SupportEnum, resolve: (row) => row.pty }),
    stdin: t.field({
      description: 'Writing to processes that run.',
      type: SupportEnum,
      resolve: (row) => row.stdin,
    }),
    signals: t.field({
      description: 'What a signal reaches.',
      type: SignalEnum,
      resolve: (row) => row.signals,
    }),
    watch: t.field({
      description: 'File changes.',
      type: SupportEnum,
      resolve: (row) => row.watch,
    }),
    ports: t.field({
      description: 'Reaching servers inside.',
      type: PortEnum,
      resolve: (row) => row.ports,
    }),
    extend: t.field({
      description: 'Moving the expiration.',
      type: ExtendEnum,
      resolve: (row) => row.extend,
    }),
    pause: t.field({ description: 'Pausing.', type: PauseEnum, resolve: (row) => row.pause }),
    snapshot: t.field({
      description: 'Snapshots.',
      type: SnapshotEnum,
      resolve: (row) => row.snapshot,
    }),
    secrets: t.field({
      description: 'How secrets reach a sandbox.',
      type: SecretEnum,
      resolve: (row) => row.secrets,
    }),
    limits: t.field({
      description: 'How each limit is held.',
      type: LimitsRef,
      resolve: (row) => row.limits,
    }),
    networkModes: t.field({
      description: 'Network modes it has.',
      type: [NetworkModeEnum],
      resolve: (row) => [...row.networkModes],
    }),
  }),
});
