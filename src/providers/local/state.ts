import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../lib/write-whole.ts';
import type { ResourceLimits, SandboxSpec } from '../provider.ts';

/** What is on disk of one supervisor, enough for another server to find it again. */
export type SupervisorState = {
  /** Null while it waits for an assignment. */
  id: string | null;
  uid: number;
  pid: number;
  start: string;
  inner: number;
  innerStart: string;
  limits: ResourceLimits;
  /** Folders of the assets it has mounted; they stay as long as it does. */
  assets: readonly string[];
  /** `env` as sealed JSON: the values are secrets. */
  settings: { env: string; network: SandboxSpec['network'] };
};

/** Nothing to seal. */
export const NO_ENV = '{}';

const fileOf = (dir: string): string => join(dir, 'state.json');
/** A kill does not cut a write of one page in two. */
const PAGE = 4_096;

/** Survives a kill at any moment: in place where that is one write (a new file takes a millisecond, which a create would wait for). */
export const saveState = (dir: string, state: SupervisorState): void => {
  const line = Buffer.from(`${JSON.stringify(state)}\n`);
  if (line.length > PAGE || !existsSync(fileOf(dir))) {
    writeWhole(fileOf(dir), line);
    return;
  }
  const fd = openSync(fileOf(dir), 'r+');
  writeSync(fd, line, 0, line.length, 0);
  ftruncateSync(fd, line.length);
  closeSync(fd);
};

export const loadState = (dir: string): SupervisorState | null => {
  try {
    // What follows the line is the rest of a longer one, when a kill came before the cut.
    const [line = ''] = readFileSync(fileOf(dir), 'utf8').split('\n', 1);
    return JSON.parse(line) as SupervisorState;
  } catch {
    return null;
  }
};
