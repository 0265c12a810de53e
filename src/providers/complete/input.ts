import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import type { SandboxProcess, VendorProcess } from '../types/process.ts';

/** So that the end of the process is noticed between two pieces. */
const PIECE_BYTES = 2 ** 16;

/** The vendor has taken the bytes and does not wait any longer; it delivers them before the next ones. */
const ignoreTimeout = (error: unknown): void => {
  if (!(error instanceof AppError) || error.code !== 'TIMEOUT') throw error;
};

/**
 * Writes all of the standard input of a process and closes it. A process may begin to read as late as it likes, so a piece has no deadline but the
 * exit. Input that could not be written is closed too: the process would wait for the rest for ever.
 */
export const feed = async (
  process: SandboxProcess,
  stdin: NonNullable<VendorProcess['stdin']>,
  input: Uint8Array,
  log: Logger,
): Promise<void> => {
  let hasExited = false;
  const exited = process.exit.then(() => {
    hasExited = true;
  });
  try {
    for (let at = 0; at < input.length && !hasExited; at += PIECE_BYTES) {
      const writing = stdin.write(input.subarray(at, at + PIECE_BYTES)).catch(ignoreTimeout);
      await Promise.race([writing, exited]);
    }
  } catch (error) {
    // A process that has ended, or closed its input, decides that itself: its exit is the answer.
    const isItsOwn = error instanceof AppError && ['TERMINATED', 'CONFLICT'].includes(error.code);
    if (!isItsOwn)
      log.warn({ err: error, process: process.id }, 'The input of a process was cut short.');
  }
  if (!hasExited) await process.closeStdin().catch(() => undefined);
};
