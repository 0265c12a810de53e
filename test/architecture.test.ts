import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const sources = globSync('src/**/*.ts').sort();
const read = (file: string): string => readFileSync(file, 'utf8');
const lines = (file: string): number => read(file).split('\n').length - 1;
const offenders = (pattern: RegExp, except: RegExp): string[] =>
  sources.filter((file) => !except.test(file) && pattern.test(read(file)));

describe('the architecture', () => {
  it('has no import that dependency-cruiser forbids, and every source file was looked at', async () => {
    // The exit code says whether there was a violation; the output is JSON either way.
    const { stdout } = await run('node_modules/.bin/depcruise', ['src', '--output-type', 'json'], {
      maxBuffer: 64 * 1024 * 1024,
    }).catch((failure: { stdout: string }) => failure);
    const report = JSON.parse(stdout) as {
      modules: { source: string }[];
      summary: { violations: { from: string; to: string; rule: { name: string } }[] };
    };
    const violations = report.summary.violations.map(
      ({ from, to, rule }) => `${rule.name}: ${from} → ${to}`,
    );
    expect(violations).toEqual([]);
    const cruised = report.modules.filter((module) => module.source.startsWith('src/'));
    expect(cruised.map((module) => module.source).sort()).toEqual(sources);
  });

  it('keeps files small: none over 400 lines, half of them under 100', () => {
    const sizes = sources.map(lines).sort((a, b) => a - b);
    expect(sources.filter((file) => lines(file) > 400)).toEqual([]);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThan(100);
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
