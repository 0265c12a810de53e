import type { Rules } from '../authorization/guard.ts';
import type { Permission } from '../authorization/permissions.ts';
import type { ProcessService } from './operations.ts';

const processId = (id: string): string => id;
const sandboxOf = ({ sandboxId }: { sandboxId: string }): string => sandboxId;
const isTerminal = (id: string): boolean => id.startsWith('trm_');
/** A terminal is a process, but a role may allow the one and not the other. */
const controlPermission = (id: string): Permission =>
  isTerminal(id) ? 'terminals:use' : 'processes:run';

const read = (action: string) =>
  ({ permission: 'processes:read', action, target: processId }) as const;
const control = (processAction: string, terminalAction: string) =>
  ({
    permission: controlPermission,
    action: (id: string) => (isTerminal(id) ? terminalAction : processAction),
    target: processId,
    changes: true,
  }) as const;
const run = (action: string) =>
  ({
    permission: 'processes:run',
    action,
    target: (options: { sandboxId: string }) => sandboxOf(options),
    changes: true,
    rate: 'executions',
  }) as const;

/** Who may do what with processes and terminals. */
export const processRules: Rules<ProcessService> = {
  get: read('process'),
  getMany: {
    permission: 'processes:read',
    action: 'process',
    missing: (rows, ids) => ids.filter((_, index) => !rows[index]),
  },
  page: read('processes'),
  count: read('processes'),
  follow: read('processOutput'),
  readOutput: read('output'),
  wait: { ...read('waitProcess'), changes: true },
  start: {
    ...run('startProcess'),
    permission: ({ pty }) => (pty ? 'terminals:use' : 'processes:run'),
    action: ({ pty }) => (pty ? 'createTerminal' : 'startProcess'),
  },
  exec: run('exec'),
  runCode: run('runCode'),
  installPackages: run('installPackages'),
  write: control('writeStdin', 'writeTerminal'),
  closeStdin: control('closeStdin', 'closeStdin'),
  signal: control('signalProcess', 'signalProcess'),
  resize: control('resizeTerminal', 'resizeTerminal'),
  hangUp: control('destroyTerminal', 'destroyTerminal'),
};
