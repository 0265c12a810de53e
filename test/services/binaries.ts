import { execFile } from 'node:child_process';
import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const setupScript = join(import.meta.dirname, '../../.ci/setup');

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const byNumber = new Intl.Collator('en', { numeric: true });

/** Debian keeps PostgreSQL's programs off the PATH, in a folder for each version: the newest comes first. */
const folders = (): string[] => [
  ...globSync('/usr/lib/postgresql/*/bin').sort(byNumber.compare).reverse(),
  ...(process.env.PATH ?? '').split(delimiter),
  ...['/usr/local/sbin', '/usr/sbin', '/sbin'],
];

const find = (names: readonly string[]): string | undefined =>
  folders()
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);

/** Runs `.ci/setup --test`; without root it fails with the line to run, which becomes the error's message. */
export const installPackages = async (env = process.env): Promise<void> => {
  await run('/bin/sh', [setupScript, '--test'], { env }).catch((failure: { stderr: string }) => {
    throw new Error(failure.stderr.trim() || String(failure));
  });
};

/** The path of the first program of these names, installed first where it is missing. */
export const findBinary = async (...names: string[]): Promise<string> => {
  const found = find(names);
  if (found) return found;
  await installPackages();
  const installed = find(names);
  if (!installed) throw new Error(`The program ${names.join(' or ')} was not found.`);
  return installed;
};
