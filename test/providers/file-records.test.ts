import { describe, expect, it } from 'vitest';
import { readRecords } from '../../src/providers/complete/file-records.ts';

const record = (path: string, mode = '81a4'): string => `//${mode} 5 1700000000 ${path}\n`;

describe('records of files that a sandbox printed', () => {
  it('are read with the targets of symbolic links, whatever a name holds', () => {
    const output = `${record('/home/a b')}${record('/home/new\nline')}${record('/home/x//81a4 1 1 /y')}${record('/home/link', 'a1ff')}\0/home/link\0a b\n.\0`;
    expect(readRecords(Buffer.from(output))).toMatchObject([
      { path: '/home/a b', type: 'file', size: 5, mode: 0o644, symlinkTarget: null },
      { path: '/home/new\nline' },
      { path: '/home/x//81a4 1 1 /y' },
      { path: '/home/link', type: 'symlink', symlinkTarget: 'a b' },
    ]);
    expect(readRecords(Buffer.alloc(0))).toEqual([]);
    expect(readRecords(Buffer.from('nonsense\0'))).toEqual([]);
  });

  it('are no more than were asked for, and never more than a call returns', () => {
    const many = Buffer.from(`${record('/f').repeat(500_000)}\0${'/f\0t\n.\0'.repeat(500_000)}`);
    expect(readRecords(many, 3)).toHaveLength(3);
    expect(readRecords(many)).toHaveLength(10_001);
  });

  it('are left out where they are longer than a path can be', () => {
    const output = `${record(`/${'x'.repeat(2 ** 20)}`)}${record('/fine')}\0`;
    expect(readRecords(Buffer.from(output)).map(({ path }) => path)).toEqual(['/fine']);
  });
});
