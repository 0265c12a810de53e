import { AppError } from '../../errors.ts';
import { newId } from '../../lib/ids.ts';
import { STANDARD_PATH } from '../../lib/standard-path.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { VendorProcess } from '../types/process.ts';
import type { Call } from './call.ts';
import { checkChunk, checkExit } from './check.ts';
import type { Deadlines } from './deadlines.ts';

export type CommandResult = { code: number | null; stdout: Buffer; stderr: string };
export type Commands = {
  /**
   * Runs a POSIX shell script with `args` as $1 and so on. It is no process of the caller's: no row, nothing booked. `isArmoured`: its output
   * travels as base64, because the vendor would decode it as text.
   */
  run(script: string, args: readonly string[], isArmoured: boolean): Promise<CommandResult>;
};

const MAX_STDOUT = 16 * 2 ** 20;
const MAX_STDERR = 4_096;

/** Writes the output of the script as base64, and ends with its exit code. */
const armour = (script: string): string =>
  `exec 3>&1; code=$( { { (\n${script}\n); echo $? >&4; } | base64 >&3; } 4>&1 ); exit "$code"`;

const collect = async (process: VendorProcess): Promise<CommandResult> => {
  const stdout: Uint8Array[] = [];
  let size = 0;
  let stderr = '';
  let position = 0;
  for await (const raw of process.output) {
    const chunk = checkChunk(raw, position);
    if (chunk === null) continue;
    position = chunk.position;
    if (chunk.kind === 'lost')
      throw new AppError('UNAVAILABLE', 'The provider lost the answer of a command.');
    if (chunk.stream === 'stderr') {
      if (stderr.length < MAX_STDERR) stderr += Buffer.from(chunk.bytes).toString();
    } else {
      size += chunk.bytes.length;
      if (size > MAX_STDOUT)
        throw new AppError(
          'TOO_LARGE',
          `The answer of a command in the sandbox is larger than ${MAX_STDOUT / 2 ** 20} MiB.`,
        );
      stdout.push(chunk.bytes);
    }
  }
  const { exitCode } = checkExit(await process.exit);
  return { code: exitCode, stdout: Buffer.concat(stdout), stderr: stderr.slice(0, MAX_STDERR) };
};

export const createCommands = (
  handle: VendorHandle,
  call: Call,
  { files: timeoutMs }: Deadlines,
): Commands => ({
  run: (script, args, isArmoured) =>
    call.once('files', async (signal) => {
      const program = `PATH=${STANDARD_PATH}:$PATH\n${isArmoured ? armour(script) : script}`;
      const argv = ['/bin/sh', '-c', program, 'sh', ...args] as const;
      const process = await handle.spawn(
        { id: newId('cmd'), argv, env: { LC_ALL: 'C' }, stdin: false, timeoutMs },
        signal,
      );
      const kill = (): void => void process.signal?.('SIGKILL').catch(() => undefined);
      signal.addEventListener('abort', kill, { once: true });
      try {
        const result = await collect(process);
        if (!isArmoured) return result;
        return { ...result, stdout: Buffer.from(String(result.stdout), 'base64') };
      } catch (error) {
        kill();
        throw error;
      } finally {
        signal.removeEventListener('abort', kill);
        process.release?.().catch(() => undefined);
      }
    }),
});
