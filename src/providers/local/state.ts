import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../lib/write-whole.ts';
import type { ResourceLimits, SandboxSpec } from '../types/sandbox.ts';

/** What is on disk of one supervisor, enough for another server to find it again. */
export type SupervisorState = {
  /** Null while it waits for an assignment. */
  id: string | null;
  /** Whose it is; absent in one that a version without labels made, which is that of whoever has its folder. */
  deployment?: string;
  /** Milliseconds since the epoch; absent in one of an earlier version. */
  createdAt?: number;
  expiresAt?: number;
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
  /** Of the sandbox's directory: in a copy of it this state tells of somebody else's processes. Missing in older ones. */
  inode?: number;
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

const read = (dir: string): SupervisorState | null => {
  try {
    // What follows the line is the rest of a longer one, when a kill came before the cut.
    const [line = ''] = readFileSync(fileOf(dir), 'utf8').split('\n', 1);
    return JSON.parse(line) as SupervisorState;
  } catch {
    return null;
  }
};

const isForeign = (dir: string, { inode }: SupervisorState): boolean =>
  inode !== undefined && inode !== statSync(dir, { throwIfNoEntry: false })?.ino;

/** A copied directory: the processes that its state names belong to the original, which may be alive. */
export const isCopied = (dir: string): boolean => {
  const state = read(dir);
  return state !== null && isForeign(dir, state);
};

/** null when there is none, and in a copy. */
export const loadState = (dir: string): SupervisorState | null => {
  const state = read(dir);
  return state && !isForeign(dir, state) ? state : null;
};
