import { AppError } from '../../errors.ts';
import type { Commands } from './commands.ts';

const names = [
  'base64',
  'cat',
  'chmod',
  'cp',
  'find',
  'head',
  'kill',
  'mkdir',
  'mv',
  'readlink',
  'rm',
  'rmdir',
  'sha256sum',
  'stat',
  'tail',
  'timeout',
] as const;
export type Tool = (typeof names)[number];

/** What the sandbox offers to fall back to, and where relative paths begin. */
export type Tools = {
  has(...tools: readonly Tool[]): boolean;
  /** For a program that keeps the PATH of the caller. */
  pathOf(tool: Tool): string;
  home: string;
};

const SCRIPT = `pwd; for tool in ${names.join(' ')}; do found=$(command -v "$tool" 2>/dev/null) && echo "$tool $found"; done; exit 0`;

export const probeTools = async (commands: Commands): Promise<Tools> => {
  const { code, stdout } = await commands.run(SCRIPT, [], false);
  const [home = '', ...found] = String(stdout).split('\n');
  if (code === 0 && home.startsWith('/')) {
    const paths = new Map(found.map((line) => line.split(' ', 2) as [string, string]));
    return {
      home,
      has: (...tools) => tools.every((tool) => paths.has(tool)),
      pathOf: (tool) => paths.get(tool) ?? tool,
    };
  }
  // 126 and 127: there is no shell. Everything else is a failure that may pass, and must not be remembered.
  if (code === 126 || code === 127) return { home: '/', has: () => false, pathOf: (tool) => tool };
  throw new AppError('UNAVAILABLE', 'The sandbox did not say which tools it has. Try again.');
};
