import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const guide = readFileSync('docs/adding-a-provider.md', 'utf8');
const blocks = [...guide.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, file = '', code = '']) => ({ file, code }),
);
/** The members of a type, as it is written in one of the files of the seam. */
const membersOf = (file: string, type: string): string[] => {
  const source = readFileSync(`src/providers/types/${file}.ts`, 'utf8');
  const [, body = ''] =
    new RegExp(`^export type ${type} = \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(source) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?]?[:(]/gm)].map(([, name = '']) => name);
};

describe('the guide to adding a provider', () => {
  it.each(blocks)('shows code of $file as it is', ({ file, code }) => {
    expect(readFileSync(file, 'utf8')).toContain(code);
  });

  it('shows the whole of the provider that the suite runs', () => {
    const shown = blocks.filter(({ file }) => file.endsWith('poor.ts')).map(({ code }) => code);
    const source = readFileSync('test/providers/poor/poor.ts', 'utf8');
    const rest = shown.reduce((left, code) => left.replace(code, ''), source);
    expect(rest.replace(/^import [\s\S]*?;$/gm, '').trim()).toBe('const WATCH_MS = 500;');
  });

  it.each([
    ['provider', 'Provider'],
    ['handle', 'VendorHandle'],
    ['process', 'VendorProcess'],
    ['files', 'VendorFiles'],
  ])('names every member of %s.ts: %s', (file, type) => {
    const members = membersOf(file, type);
    expect(members.length).toBeGreaterThan(2);
    for (const member of members) expect(guide).toContain(`\`${member}\``);
  });
});
