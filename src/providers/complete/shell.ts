import { AppError, type ErrorCode } from '../../errors.ts';
import type { Capabilities } from '../types/capabilities.ts';
import type { Commands } from './commands.ts';
import type { Tool, Tools } from './tools.ts';
import type { Unsupported } from './unsupported.ts';

/** Commands in the sandbox that stand for what the vendor does not offer. */
export type Shell = {
  tools(): Promise<Tools>;
  /** The bytes that the script wrote; its failure as an error about `what`. `UNSUPPORTED` when the image lacks one of `needs`. */
  run(
    capability: string,
    what: string,
    needs: readonly Tool[],
    script: string,
    args: readonly string[],
  ): Promise<Buffer>;
};

/** What our scripts end with, so that no message has to be understood. */
export const exits = {
  missing: 40,
  exists: 41,
  notEmpty: 42,
  wrongType: 43,
} as const;
const meanings: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [exits.missing]: ['NOT_FOUND', 'there is nothing there. Check the path.'],
  [exits.exists]: [
    'ALREADY_EXISTS',
    'something is there already. Choose another path, or allow overwriting.',
  ],
  [exits.notEmpty]: ['CONFLICT', 'the directory has entries. Remove it recursively.'],
  [exits.wrongType]: [
    'INVALID_ARGUMENT',
    'it is not what the operation needs: a file is no directory, and a directory no file.',
  ],
};
/** strerror of both C libraries in the locale C: what a tool met that the script could not see coming. */
const strerrors: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/No space left on device|Disk quota exceeded|File too large/, 'NO_SPACE', 'the disk is full.'],
  [
    /Permission denied|Operation not permitted|Read-only file system/,
    'FORBIDDEN',
    'the user of the sandbox may not do that there.',
  ],
  [/Directory not empty/, 'CONFLICT', 'the directory has entries.'],
  [
    /Is a directory|Not a directory|cannot (overwrite|copy)|File name too long|Too many levels/,
    'INVALID_ARGUMENT',
    'the path does not fit the operation.',
  ],
];

const failureOf = (what: string, code: number | null, stderr: string): AppError => {
  const known = meanings[code ?? -1];
  if (known) return new AppError(known[0], `${what}: ${known[1]}`);
  const met = strerrors.find(([pattern]) => pattern.test(stderr));
  if (met) return new AppError(met[1], `${what}: ${met[2]}`);
  return new AppError(
    'UNAVAILABLE',
    `${what}: the command in the sandbox failed (exit code ${code ?? 'unknown'}). ${stderr.trim().slice(0, 200)}`.trim(),
    { retryable: false },
  );
};

export const createShell = (
  commands: Commands,
  capabilities: Capabilities,
  tools: () => Promise<Tools>,
  unsupported: Unsupported,
): Shell => ({
  tools,
  async run(capability, what, needs, script, args) {
    const { has } = await tools();
    if (!has(...needs)) {
      const lacking = needs.filter((tool) => !has(tool));
      throw unsupported(
        capability,
        `The image of the sandbox would need ${lacking.join(', ')} instead`,
      );
    }
    const isArmoured = capabilities.output !== 'bytes' && has('base64');
    const { code, stdout, stderr } = await commands.run(script, args, isArmoured);
    if (code !== 0) throw failureOf(what, code, stderr);
    return stdout;
  },
});
