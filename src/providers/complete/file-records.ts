import type { FileStat, FileType } from '../types/files.ts';

const TYPES: ReadonlyMap<number, FileType> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
]);
/** Raw mode in hexadecimal, bytes, seconds since the epoch, path. */
const RECORD = /^([0-9a-f]{1,8}) (\d{1,20}) (-?\d{1,20}) (\/[\s\S]*)$/;
/** Two of the longest paths of Linux: what is longer was not printed by `stat`. */
const MAX_PART = 8_192;
/** As many entries as one call returns, and the one that says that there are more. */
const MAX_RECORDS = 10_001;

/** The parts of what a sandbox printed, each between two separators, at most `limit` of them; those that are too long are empty. */
function* partsOf(output: Buffer, separator: string, limit: number): Generator<string> {
  let start = 0;
  for (let count = 0; count < limit && start <= output.length; count += 1) {
    const found = output.indexOf(separator, start, 'latin1');
    const end = found === -1 ? output.length : found;
    yield end - start > MAX_PART ? '' : output.toString('utf8', start, end);
    start = end + separator.length;
  }
}

const toStat = (text: string, targets: ReadonlyMap<string, string>): FileStat | null => {
  const [, mode, size, modifiedAt, name = ''] = RECORD.exec(text) ?? [];
  if (mode === undefined) return null;
  const bits = Number.parseInt(mode, 16);
  return {
    path: name.replace(/\n$/, '').replace('/./', '/'),
    type: TYPES.get(bits & 0o170000) ?? 'other',
    size: Number(size),
    mode: bits & 0o7777,
    modifiedAt: Number(modifiedAt) * 1_000,
    symlinkTarget: targets.get(name.replace(/\n$/, '')) ?? null,
  };
};

/**
 * What `file-scripts.ts` prints: records, a NUL, then path and target of each symbolic link. The sandbox made it, so that the work ends with `limit`
 * records, however much there is.
 */
export const readRecords = (output: Buffer, limit = MAX_RECORDS): FileStat[] => {
  const end = output.indexOf(0);
  const targets = new Map<string, string>();
  let link: string | null = null;
  // `echo .` keeps a newline at the end of a target from the shell, and `readlink` adds one.
  for (const part of partsOf(output.subarray(end + 1), '\0', 2 * limit)) {
    if (link === null) link = part;
    else {
      targets.set(link, part.slice(0, -2));
      link = null;
    }
  }
  const found: FileStat[] = [];
  // The first part is before the first record.
  const records = output.subarray(0, end === -1 ? 0 : end);
  const first = records.subarray(0, 2).toString('latin1') === '//' ? records.subarray(2) : records;
  for (const text of partsOf(first, '\n//', limit)) {
    const stat = toStat(text, targets);
    if (stat) found.push(stat);
  }
  return found;
};
