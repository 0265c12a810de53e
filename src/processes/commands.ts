import { z } from 'zod';
import { AppError } from '../errors.ts';
import { Environment } from '../sandboxes/types.ts';

/** One argument may have 128 KiB on Linux (MAX_ARG_STRLEN). */
const MAX_ARGUMENT = 128 * 1024 - 1;
const plain = (max: number) =>
  z
    .string()
    .refine(
      (value) => Buffer.byteLength(value) <= max && !value.includes('\0') && value.isWellFormed(),
      `must be text without NUL, at most ${max} bytes`,
    );

export const Command = z
  .object({
    argv: z.array(plain(MAX_ARGUMENT)).min(1).max(4_096).optional(),
    command: plain(MAX_ARGUMENT).min(1).optional(),
    cwd: plain(4_096).min(1).optional(),
    env: Environment.default({}),
    timeoutMs: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .optional(),
  })
  .refine(
    ({ argv, command }) => (argv === undefined) !== (command === undefined),
    'give argv or command, one of them',
  )
  .refine(({ argv }) => argv?.[0] !== '', 'argv: the first word must not be empty')
  .transform(({ argv, command, ...rest }) => ({
    ...rest,
    argv: (argv ?? ['/bin/bash', '-c', command ?? '']) as [string, ...string[]],
    command: command ?? (argv ?? []).join(' '),
  }));
export type CommandInput = z.input<typeof Command>;

export const codeRuntimes = {
  python: { program: 'python3', flag: '-c', extension: 'py', description: 'Python 3' },
  node: { program: 'node', flag: '-e', extension: 'mjs', description: 'Node.js' },
  bash: { program: 'bash', flag: '-c', extension: 'sh', description: 'Bash' },
} as const;
export type CodeRuntime = keyof typeof codeRuntimes;

export const packageManagers = {
  npm: {
    name: /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(@[A-Za-z0-9.^~<>=*_-]+)?$/,
    install: ['npm', 'install', '--no-audit', '--no-fund', '--'],
  },
  pip: {
    name: /^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?((==|>=|<=|~=|!=|<|>)[A-Za-z0-9.*+!_-]+)?$/,
    install: ['python3', '-m', 'pip', 'install', '--user', '--break-system-packages', '--'],
  },
} as const;
export type PackageManager = keyof typeof packageManagers;

/** Words for the manager, never for a shell; a name cannot be an option. */
export const installCommand = (manager: PackageManager, packages: readonly string[]): string[] => {
  const { name, install } = packageManagers[manager];
  const wrong = packages.find((one) => one.length > 214 || !name.test(one) || one.startsWith('-'));
  if (wrong !== undefined)
    throw new AppError(
      'INVALID_ARGUMENT',
      `"${wrong.slice(0, 80)}" is not the name of a package for ${manager}, with an optional version.`,
    );
  if (packages.length === 0 || packages.length > 200)
    throw new AppError('INVALID_ARGUMENT', 'Give 1 to 200 packages.');
  return [...install, ...packages];
};
