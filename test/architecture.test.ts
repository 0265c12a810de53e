import { existsSync, globSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { circlesOfFolders, cruise, filesOfRank, type ModuleGraph } from './helpers/module-graph.ts';

const sources = globSync('src/**/*.ts').sort();
const read = (file: string): string => readFileSync(file, 'utf8');
const lines = (file: string): number => read(file).split('\n').length - 1;
const offenders = (pattern: RegExp, except: RegExp): string[] =>
  sources.filter((file) => !except.test(file) && pattern.test(read(file)));

/** Files that are still too long. The list only shrinks: a file that no longer is must leave it. */
const LONG_FILES: string[] = [];

describe('the architecture', () => {
  let graph: ModuleGraph;
  beforeAll(async () => {
    graph = await cruise();
  });

  it('has no import that dependency-cruiser forbids, and every source file was looked at', () => {
    const violations = graph.summary.violations.map(
      ({ from, to, rule }) => `${rule.name}: ${from} → ${to}`,
    );
    expect(violations).toEqual([]);
    const cruised = graph.modules.filter((module) => module.source.startsWith('src/'));
    expect(cruised.map((module) => module.source).sort()).toEqual(sources);
  });

  it.each(['core', 'services', 'schemas'])('has no circle of folders at the rank %s', (rank) => {
    const files = filesOfRank(graph, rank);
    expect(files.length).toBeGreaterThan(5);
    expect(circlesOfFolders(graph, files)).toEqual([]);
  });

  it('finds a circle of folders where there is one', () => {
    const imports = {
      'src/a/x.ts': 'src/b/x.ts',
      'src/b/y.ts': 'src/c/x.ts',
      'src/c/y.ts': 'src/a/y.ts',
    };
    const modules = Object.entries(imports).flatMap(([source, resolved]) => [
      { source, dependencies: [{ resolved }] },
      { source: resolved, dependencies: [] },
    ]);
    const files = modules.map(({ source }) => source);
    expect(circlesOfFolders({ ...graph, modules }, files)).toEqual([
      'src/a → src/b → src/c → src/a',
    ]);
    expect(circlesOfFolders({ ...graph, modules }, files.slice(1))).toEqual([]);
  });

  it('keeps files small: none over 300 lines, half of them under 100', () => {
    const sizes = sources.map(lines).sort((a, b) => a - b);
    expect(sources.filter((file) => lines(file) > 300)).toEqual(LONG_FILES);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThan(100);
  });

  it('keeps functions small: biome.json makes no exception for a file of src', () => {
    const { overrides } = JSON.parse(read('biome.json')) as {
      overrides: { includes: string[]; linter: { rules: { complexity?: object } } }[];
    };
    const exceptions = overrides
      .filter(({ linter }) => linter.rules.complexity)
      .flatMap(({ includes }) => includes)
      .filter((file) => file.startsWith('src/'));
    expect(exceptions).toEqual([]);
  });

  it('names only files that exist in docs/architecture.md', () => {
    const paths = read('docs/architecture.md').match(/`(src|test|schema|docs)\/[^`*]+`/g) ?? [];
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.map((path) => path.slice(1, -1)).filter((path) => !existsSync(path))).toEqual([]);
  });

  it('reads the environment in one file only', () => {
    expect(offenders(/process\.env\b/, /^src\/main\.ts$/)).toEqual([]);
  });

  it('compares the name of a provider in no file outside its folder and the registry', () => {
    const names = globSync('src/providers/*/config.ts').map((file) => file.split('/').at(-2));
    expect(names).toEqual(expect.arrayContaining(['docker', 'local']));
    const named = new RegExp(`['"\`](${names.join('|')})['"\`]`);
    expect(offenders(named, /^src\/providers\//)).toEqual([
      // The default of SANDBANK_PROVIDERS.
      'src/config/providers.ts',
    ]);
  });

  it('has no default exports, no barrels and no classes but errors and Pothos plugins', () => {
    expect(offenders(/^export default/m, /^$/)).toEqual([]);
    expect(offenders(/^export \* from/m, /^$/)).toEqual([]);
    expect(offenders(/^(export )?(abstract )?class (?!\w*(Error|Plugin)\b)/m, /^$/)).toEqual([]);
  });

  it('names files in kebab case', () => {
    expect(
      sources.filter((file) => !/^[a-z0-9-]+\.ts$/.test(file.split('/').at(-1) ?? '')),
    ).toEqual([]);
  });

  it('has a decision for each runtime dependency', () => {
    const decisions = globSync('docs/decisions/*.md').map(read).join('\n');
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
    expect(Object.keys(dependencies).filter((name) => !decisions.includes(`\`${name}\``))).toEqual(
      [],
    );
  });

  it('pins every dependency exactly', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const all = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual(
      [],
    );
  });
});
