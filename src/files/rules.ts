import type { Rules } from '../authorization/guard.ts';
import type { FileService } from './service.ts';

const sandboxId = (id: string): string => id;
const read = (action: string) =>
  ({ permission: 'files:read', action, target: sandboxId, rate: 'files' }) as const;
const write = (action: string) =>
  ({ permission: 'files:write', action, target: sandboxId, rate: 'files', changes: true }) as const;

/** Who may do what with files. */
export const fileRules: Rules<FileService> = {
  stat: read('file'),
  list: read('directory'),
  content: read('content'),
  sha256: read('sha256'),
  watch: read('fileChanges'),
  write: write('writeFile'),
  writeMany: write('writeFiles'),
  makeDirectory: write('makeDirectory'),
  move: write('movePath'),
  copy: write('copyPath'),
  remove: write('removePath'),
  downloadUrl: { ...read('downloadUrl'), changes: true },
  uploadUrl: write('uploadUrl'),
};
