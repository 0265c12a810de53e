import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

type Rule = { name: string; from: { path?: string; pathNot?: string } };
/** What of dependency-cruiser's JSON the tests read. */
export type ModuleGraph = {
  modules: { source: string; dependencies: { resolved: string }[] }[];
  summary: {
    violations: { from: string; to: string; rule: { name: string } }[];
    ruleSetUsed: { forbidden: Rule[] };
  };
};

export const cruise = async (): Promise<ModuleGraph> => {
  // The exit code says whether there was a violation; the output is JSON either way.
  const { stdout } = await run('node_modules/.bin/depcruise', ['src', '--output-type', 'json'], {
    maxBuffer: 64 * 1024 * 1024,
  }).catch((failure: { stdout: string }) => failure);
  return JSON.parse(stdout) as ModuleGraph;
};

/** The files of one rank of .dependency-cruiser.cjs, by the rule that keeps it from importing a higher one. */
export const filesOfRank = ({ modules, summary }: ModuleGraph, rank: string): string[] => {
  const rule = summary.ruleSetUsed.forbidden.find(
    ({ name }) => name === `${rank}-imports-no-higher-rank`,
  );
  const { path = '$^', pathNot = '$^' } = rule?.from ?? {};
  return modules
    .map(({ source }) => source)
    .filter((file) => new RegExp(path).test(file) && !new RegExp(pathNot).test(file));
};

const folderOf = (file: string): string => file.split('/').slice(0, 2).join('/');

/** Every circle of folders that the imports among these files make, each once, from its first folder in the alphabet. */
export const circlesOfFolders = ({ modules }: ModuleGraph, files: readonly string[]): string[] => {
  const among = new Set(files);
  const edges = new Map<string, Set<string>>();
  for (const { source, dependencies } of modules.filter(({ source }) => among.has(source)))
    for (const { resolved } of dependencies.filter((one) => among.has(one.resolved))) {
      const [from, to] = [folderOf(source), folderOf(resolved)];
      if (from !== to) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  const circles: string[] = [];
  const walk = (path: readonly string[]): void => {
    const [start = ''] = path;
    for (const next of edges.get(path.at(-1) ?? '') ?? [])
      if (next === start) circles.push([...path, start].join(' → '));
      else if (next > start && !path.includes(next)) walk([...path, next]);
  };
  for (const folder of edges.keys()) walk([folder]);
  return circles.sort();
};
