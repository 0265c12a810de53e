import { execFile, execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, unlinkSync } from 'node:fs';

/**
 * What Node gives a child as standard streams are sockets, and those cannot be opened again: `echo x > /dev/stderr` would fail with
 * ENXIO. Node cannot make pipes; named ones that are opened and unlinked serve as well, for output: as input, one that is opened again
 * after its writer has left would wait for ever. They are made many at a time, ahead of need.
 */
export type Pipe = { read: number; write: number };

const FOLDER = '/run/pipes';
const BATCH = 48;
const LOW = 12;

export const openPipes = (): { take(): Pipe } => {
  const ready: Pipe[] = [];
  let counter = 0;
  let filling = false;
  mkdirSync(FOLDER, { recursive: true });

  const names = (): string[] => Array.from({ length: BATCH }, () => `${FOLDER}/${++counter}`);
  const open = (path: string): Pipe => {
    // Opened both ways first: neither end waits for the other.
    const both = openSync(path, constants.O_RDWR);
    const pipe = {
      read: openSync(path, constants.O_RDONLY),
      write: openSync(path, constants.O_WRONLY),
    };
    closeSync(both);
    unlinkSync(path);
    return pipe;
  };
  const fillSoon = (): void => {
    if (filling) return;
    filling = true;
    const paths = names();
    execFile('mkfifo', paths, (error) => {
      filling = false;
      if (!error) ready.push(...paths.map(open));
    });
  };
  fillSoon();

  return {
    take() {
      const pipe = ready.shift();
      if (ready.length < LOW) fillSoon();
      if (pipe) return pipe;
      const paths = names();
      execFileSync('mkfifo', paths);
      ready.push(...paths.map(open));
      return this.take();
    },
  };
};
