#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { help } from './cli/help.ts';
import { type Config, readConfig } from './config/read.ts';
import { errorTable } from './error-table.ts';
import { AppError } from './errors.ts';

type Command = (config: Config, options: Record<string, string | undefined>) => Promise<number>;

/** Loaded when asked for: a token needs nothing of the server. */
const commands = {
  serve: async () => (await import('./cli/serve.ts')).serve,
  doctor: async () => (await import('./cli/doctor.ts')).doctor,
  token: async () => (await import('./cli/token.ts')).token,
  audit: async () => (await import('./cli/audit.ts')).audit,
  server: async () => (await import('./cli/server.ts')).server,
  orphans: async () => (await import('./cli/orphans.ts')).orphans,
} as const;
/** Commands with a word of their own behind them. */
const WITH_VERB = ['audit', 'server', 'orphans'];
const LINGER_MS = 2_000;

const run = async (): Promise<number> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      role: { type: 'string' },
      tenant: { type: 'string' },
      subject: { type: 'string' },
      ttl: { type: 'string' },
      plan: { type: 'string' },
      scope: { type: 'string' },
      file: { type: 'string' },
      ref: { type: 'string' },
    },
  });
  const name = positionals[0] ?? 'serve';
  if (values.help || name === 'help') return help();
  const words = WITH_VERB.includes(name) ? 2 : 1;
  if (!Object.hasOwn(commands, name) || positionals.length > words) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `The command "${positionals.join(' ')}" does not exist. Run sandbank --help for the list of commands.`,
    );
  }
  const { help: _, ...options } = values;
  const command: Command = await commands[name as keyof typeof commands]();
  return command(readConfig(process.env, process.cwd()), { ...options, verb: positionals[1] });
};

/** A person reads this: the message alone, unless it is a bug. */
const explain = (error: unknown): string => {
  const { code, syscall, message, stack } = error as NodeJS.ErrnoException;
  const known =
    error instanceof AppError || code?.startsWith('ERR_PARSE_ARGS') || syscall !== undefined;
  return known ? message : String(stack ?? error);
};

/** Everything is closed by then; what holds the process all the same does not hold it longer. */
const end = (code: number): void => {
  process.exitCode = code;
  setTimeout(() => process.exit(code), LINGER_MS).unref();
};

run().then(end, (error: unknown) => {
  process.stderr.write(`sandbank: ${explain(error)}\n`);
  end(errorTable[error instanceof AppError ? error.code : 'INTERNAL'].exitCode);
});
