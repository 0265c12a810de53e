import type { FileStat, SandboxFiles } from '../types/files.ts';
import { checkList, checkSha256, checkStat, required } from './check.ts';
import { createFileCommands, locate } from './file-commands.ts';
import { checkedChanges, readFromVendor } from './file-streams.ts';
import { createWrite, type FilesContext } from './file-write.ts';
import { checkedPath } from './paths.ts';

/** The files of a vendor with every member: its own, or commands in the sandbox that do the same. */
export const completeFiles = (context: FilesContext): SandboxFiles => {
  const { vendor, capabilities, call, shell, unsupported } = context;
  const commands = createFileCommands(shell);
  const stat = async (path: string): Promise<FileStat | null> => {
    const own = vendor.stat;
    if (!own) return commands.stat(path);
    const raw = await call.idempotent('files', () => own(path));
    return raw === null ? null : required(checkStat(raw), path);
  };
  const write = createWrite(context, stat);

  return {
    stat: async (path) => stat(checkedPath(path)),
    async list(path, { recursive, limit }) {
      const own = vendor.list;
      const asked = checkedPath(path);
      if (!own) return commands.list(asked, { recursive, limit });
      const raw = await call.idempotent('files', () => own(asked, { recursive, limit }));
      return checkList(raw, limit);
    },
    async *read(path, options = {}) {
      const asked = checkedPath(path);
      if (capabilities.files === 'bytes') yield* readFromVendor(vendor, call, asked, options);
      else yield* commands.read(asked, options);
    },
    write: async (path, content, options = {}) => {
      const asked = checkedPath(path);
      const isDirect = vendor.atomic && capabilities.files === 'bytes';
      return write(isDirect ? asked : await locate(shell, asked), content, options);
    },
    async sha256(path) {
      const own = vendor.sha256;
      const asked = checkedPath(path);
      if (!own) return commands.sha256(asked);
      return required(checkSha256(await call.idempotent('files', () => own(asked))), asked);
    },
    async makeDirectory(path, options) {
      const own = vendor.makeDirectory;
      const asked = checkedPath(path);
      if (!own) return commands.makeDirectory(asked, options);
      return required(checkStat(await call.once('files', () => own(asked, options))), asked);
    },
    async move(from, to, options) {
      const own = vendor.move;
      const [source, target] = [checkedPath(from), checkedPath(to)];
      if (!own) return commands.move(source, target, options);
      return required(checkStat(await call.once('files', () => own(source, target, options))), to);
    },
    async copy(from, to, options) {
      const own = vendor.copy;
      const [source, target] = [checkedPath(from), checkedPath(to)];
      if (!own) return commands.copy(source, target, options);
      return required(checkStat(await call.once('files', () => own(source, target, options))), to);
    },
    async remove(path, options) {
      const own = vendor.remove;
      const asked = checkedPath(path);
      if (!own) return commands.remove(asked, options);
      return call.once('files', () => own(asked, options));
    },
    async watch(path, options) {
      const own = vendor.watch;
      const asked = checkedPath(path);
      if (!own || capabilities.watch === 'none') throw unsupported('watch');
      const changes = await call.once('files', () => own(asked, options), {
        signal: options.signal,
      });
      return checkedChanges(changes, context.onSandboxEnd);
    },
  };
};
