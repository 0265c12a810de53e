import type { FileStat, FileType } from '../types/files.ts';

const TYPES: ReadonlyMap<number, FileType> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
]);
/** Raw mode in hexadecimal, bytes, seconds since the epoch, path. */
const RECORD = /^([0-9a-f]+) (\d+) (-?\d+) (\/[\s\S]*)$/;

/** What `file-scripts.ts` prints: records, a NUL, then path and target of each symbolic link. */
export const readRecords = (output: Buffer): FileStat[] => {
  const end = output.indexOf(0);
  const parts = output
    .subarray(end + 1)
    .toString()
    .split('\0');
  const targets = new Map<string, string>();
  // `echo .` keeps a newline at the end of a target from the shell, and `readlink` adds one.
  for (let index = 0; index + 1 < parts.length; index += 2)
    targets.set(parts[index] ?? '', (parts[index + 1] ?? '').slice(0, -2));
  return output
    .subarray(0, end === -1 ? 0 : end)
    .toString()
    .split(/(?:^|\n)\/\//)
    .flatMap((text): FileStat[] => {
      const [, mode, size, modifiedAt, name = ''] = RECORD.exec(text) ?? [];
      if (mode === undefined) return [];
      const path = name.replace(/\n$/, '').replace('/./', '/');
      const bits = Number.parseInt(mode, 16);
      return [
        {
          path,
          type: TYPES.get(bits & 0o170000) ?? 'other',
          size: Number(size),
          mode: bits & 0o7777,
          modifiedAt: Number(modifiedAt) * 1_000,
          symlinkTarget: targets.get(name.replace(/\n$/, '')) ?? null,
        },
      ];
    });
};
