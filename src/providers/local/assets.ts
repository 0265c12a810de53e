import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isReachable } from './base.ts';
import { seccompFilter } from './seccomp.ts';

const ETC: Readonly<Record<string, string>> = {
  passwd:
    'root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nuser:x:1000:1000:user:/home/user:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  group: 'root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost\n',
  'resolv.conf': '',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  profile: 'export PS1="\\u@\\h:\\w\\$ "\n',
  'bash.bashrc': 'PS1="\\u@\\h:\\w\\$ "\n',
};

export type Assets = {
  agentDir: string;
  etcDir: string;
  seccompFile: string;
  /** The program of Node.js. */
  node: string;
  /** The folder that holds the pty module and, beside it, its binary: it requires that by package name. */
  ptyModules: string;
  /** Names of the folders that a sandbox started with these assets uses; its state keeps them for as long as it lives. */
  folders: readonly string[];
};

type Files = ReadonlyMap<string, Buffer>;

/** Path → content of all files below `dir`, links followed. */
const readTree = (dir: string): Files =>
  new Map(
    readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .map((name) => join(dir, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => [relative(dir, path), readFileSync(path)]),
  );

const digest = (files: Files): string => {
  const hash = createHash('sha256');
  for (const name of [...files.keys()].sort()) {
    const content = files.get(name) ?? Buffer.alloc(0);
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
};

const isIntact = (dir: string, name: string): boolean => {
  try {
    return digest(readTree(dir)) === name;
  } catch {
    return false;
  }
};

/** Everything in a folder that nobody can see before it is complete. */
const place = (target: string, write: (draft: string) => void): void => {
  const draft = `${target}.${process.pid}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  chmodSync(draft, 0o755);
  write(draft);
  // One that a power cut damaged is moved aside: whoever has it mounted keeps what it has.
  if (existsSync(target)) renameSync(target, `${target}.${process.pid}.${Date.now()}.draft`);
  renameSync(draft, target);
};

/** bwrap runs as a user without rights: what lies below root's own home it could not bind, so that is copied once. */
const placeNode = (dir: string): { node: string; folders: string[] } => {
  const source = realpathSync(process.execPath);
  // In its own place it is safe: it cannot be written while it runs, and who replaces it leaves the old file to who has it mounted.
  if (process.getuid?.() !== 0 || isReachable(source)) return { node: source, folders: [] };
  const name = `node-${digest(new Map([['node', readFileSync(source)]]))}`;
  const folder = join(dir, name);
  const node = join(folder, 'node');
  if (!existsSync(node) || statSync(node).size !== statSync(source).size)
    place(folder, (draft) => {
      copyFileSync(source, join(draft, 'node'));
      chmodSync(join(draft, 'node'), 0o755);
    });
  return { node, folders: [name] };
};

const ptyModules = (): string => {
  const main = fileURLToPath(import.meta.resolve('@lydell/node-pty'));
  return dirname(main.slice(0, main.lastIndexOf('@lydell') + '@lydell/node-pty'.length));
};

/** The supervisor's program without types: Node would strip them at every start. */
const agentFiles = (): [string, Buffer][] => {
  const source = fileURLToPath(new URL('./agent/', import.meta.url));
  return readdirSync(source)
    .filter((name) => !name.endsWith('.d.ts') && /\.[jt]s$/.test(name))
    .map((name) => {
      const text = readFileSync(join(source, name), 'utf8');
      const plain = name.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
      return [
        `agent/${name.replace(/\.[jt]s$/, '.mjs')}`,
        Buffer.from(plain.replace(/(from ['"]\.\/[a-z-]+)\.[jt]s(['"])/g, '$1.mjs$2')),
      ];
    });
};

const FOLDER = /^(node-)?[0-9a-f]{16}$/;
const DRAFT = /\.draft$/;

/**
 * The supervisor's program, the pty module, the files of /etc, and the filter, in a folder named by its content: sandboxes outlive
 * servers and have these files mapped, so a file once written is never changed. Another version gets another folder.
 */
export const writeAssets = (dir: string): Assets => {
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o755);
  const files: Files = new Map([
    ...agentFiles(),
    ...Object.entries(ETC).map(([name, text]) => [`etc/${name}`, Buffer.from(text)] as const),
    ...[...readTree(ptyModules())].map(([name, bytes]) => [`modules/${name}`, bytes] as const),
    ['seccomp.bpf', seccompFilter()],
  ]);
  const name = digest(files);
  const folder = join(dir, name);
  if (!isIntact(folder, name))
    place(folder, (draft) => {
      for (const [path, content] of files) {
        const file = join(draft, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content);
        chmodSync(file, 0o644);
      }
      for (const path of readdirSync(draft, { recursive: true, encoding: 'utf8' }))
        if (statSync(join(draft, path)).isDirectory()) chmodSync(join(draft, path), 0o755);
    });
  const { node, folders } = placeNode(dir);
  return {
    agentDir: join(folder, 'agent'),
    etcDir: join(folder, 'etc'),
    seccompFile: join(folder, 'seccomp.bpf'),
    ptyModules: join(folder, 'modules'),
    node,
    folders: [name, ...folders],
  };
};

/** Folders of other versions that none of `used` names, and what a killed server had half-written. */
export const unusedAssets = (dir: string, used: ReadonlySet<string>): string[] =>
  readdirSync(dir)
    .filter((name) => DRAFT.test(name) || (FOLDER.test(name) && !used.has(name)))
    .map((name) => join(dir, name));
