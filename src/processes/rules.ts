import type { Rules } from '../authorization/guard.ts';
import type { Permission } from '../authorization/permissions.ts';
import type { ProcessService } from './service.ts';

const id = (processId: string): string => processId;
const sandbox = ({ sandboxId }: { sandboxId: string }): string => sandboxId;
const isTerminal = (processId: string): boolean => processId.startsWith('trm_');
/** A terminal is a process, but one may be allowed the one and not the other. */
const use = (processId: string): Permission =>
  isTerminal(processId) ? 'terminals:use' : 'processes:run';

const looks = (action: string) => ({ permission: 'processes:read', action, target: id }) as const;
const uses = (ofProcess: string, ofTerminal: string) =>
  ({
    permission: use,
    action: (processId: string) => (isTerminal(processId) ? ofTerminal : ofProcess),
    target: id,
    changes: true,
  }) as const;
const runs = (action: string) =>
  ({
    permission: 'processes:run',
    action,
    target: (options: { sandboxId: string }) => sandbox(options),
    changes: true,
    rate: 'executions',
  }) as const;

/** Who may do what with processes and terminals. */
export const processRules: Rules<ProcessService> = {
  get: looks('process'),
  getMany: {
    permission: 'processes:read',
    action: 'process',
    missing: (rows, ids) => ids.filter((_, index) => !rows[index]),
  },
  page: looks('processes'),
  count: looks('processes'),
  follow: looks('processOutput'),
  readOutput: looks('output'),
  wait: { ...looks('waitProcess'), changes: true },
  start: {
    ...runs('startProcess'),
    permission: ({ pty }) => (pty ? 'terminals:use' : 'processes:run'),
    action: ({ pty }) => (pty ? 'createTerminal' : 'startProcess'),
  },
  exec: runs('exec'),
  runCode: runs('runCode'),
  installPackages: runs('installPackages'),
  write: uses('writeStdin', 'writeTerminal'),
  closeStdin: uses('closeStdin', 'closeStdin'),
  signal: uses('signalProcess', 'signalProcess'),
  resize: uses('resizeTerminal', 'resizeTerminal'),
  hangUp: uses('destroyTerminal', 'destroyTerminal'),
};
