import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
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
};

/** bwrap runs as a user without rights: what lies below root's own home it could not bind, so that is copied once. */
const within = (source: string, copy: string): string => {
  if (process.getuid?.() !== 0 || isReachable(source)) return source;
  const isSame =
    existsSync(copy) && statSync(copy).isFile() && statSync(copy).size === statSync(source).size;
  if (!isSame) cpSync(source, copy, { recursive: true, dereference: true });
  return copy;
};

const ptyModules = (): string => {
  const main = fileURLToPath(import.meta.resolve('@lydell/node-pty'));
  return dirname(main.slice(0, main.lastIndexOf('@lydell') + '@lydell/node-pty'.length));
};

/** The supervisor's program without types (Node would strip them at every start), the files of /etc, and the filter. */
export const writeAssets = (dir: string): Assets => {
  mkdirSync(dir, { recursive: true });
  const source = fileURLToPath(new URL('./agent/', import.meta.url));
  const assets = {
    agentDir: join(dir, 'agent'),
    etcDir: join(dir, 'etc'),
    seccompFile: join(dir, 'seccomp.bpf'),
    node: within(realpathSync(process.execPath), join(dir, 'node')),
    ptyModules: within(ptyModules(), join(dir, 'modules')),
  };
  for (const folder of [dir, assets.agentDir, assets.etcDir]) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
  }
  const write = (file: string, content: string | Buffer): void => {
    writeFileSync(file, content);
    chmodSync(file, 0o644);
  };
  for (const name of readdirSync(source)) {
    if (name.endsWith('.d.ts') || !/\.[jt]s$/.test(name)) continue;
    const text = readFileSync(join(source, name), 'utf8');
    const plain = name.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
    write(
      join(assets.agentDir, name.replace(/\.[jt]s$/, '.mjs')),
      plain.replace(/(from ['"]\.\/[a-z-]+)\.[jt]s(['"])/g, '$1.mjs$2'),
    );
  }
  for (const [name, content] of Object.entries(ETC)) write(join(assets.etcDir, name), content);
  write(assets.seccompFile, seccompFilter());
  return assets;
};
