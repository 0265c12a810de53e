import type { Rules } from '../authorization/guard.ts';
import type { FileService } from './service.ts';

const id = (sandboxId: string): string => sandboxId;
const reads = (action: string) =>
  ({ permission: 'files:read', action, target: id, rate: 'files' }) as const;
const writes = (action: string) =>
  ({ permission: 'files:write', action, target: id, rate: 'files', changes: true }) as const;

/** Who may do what with files. */
export const fileRules: Rules<FileService> = {
  stat: reads('file'),
  list: reads('directory'),
  content: reads('content'),
  sha256: reads('sha256'),
  watch: reads('fileChanges'),
  write: writes('writeFile'),
  writeMany: writes('writeFiles'),
  makeDirectory: writes('makeDirectory'),
  move: writes('movePath'),
  copy: writes('copyPath'),
  remove: writes('removePath'),
  downloadUrl: { ...reads('downloadUrl'), changes: true },
  uploadUrl: writes('uploadUrl'),
};
