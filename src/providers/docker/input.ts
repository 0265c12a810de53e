import type { Duplex } from 'node:stream';
import { AppError } from '../../errors.ts';
import type { VendorProcess } from '../types/process.ts';

/** What a terminal takes for the end of the input. */
const END_OF_TRANSMISSION = Buffer.from([4]);

const terminated = (): AppError =>
  new AppError('TERMINATED', 'The process has exited, so that nothing reads its standard input.');

/** Standard input. A write waits until the engine has taken it, so that a process that does not read holds the writer back. */
export const createInput = (
  socket: Duplex,
  isTerminal: boolean,
  isFinished: () => boolean,
): NonNullable<VendorProcess['stdin']> => {
  let isClosed = false;
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (isFinished()) throw terminated();
    // The socket is destroyed when the process has ended, which settles what waits.
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(terminated()) : resolve()));
    });
  };
  return {
    async write(bytes) {
      if (isClosed)
        throw new AppError('CONFLICT', 'Standard input is closed; nothing more can be written.');
      await write(bytes);
    },
    async close() {
      if (isFinished()) throw terminated();
      if (isClosed) return;
      isClosed = true;
      if (isTerminal) await write(END_OF_TRANSMISSION);
      else socket.end();
    },
  };
};
