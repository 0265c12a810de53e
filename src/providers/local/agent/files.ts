import { list, stat, usage } from './file-entries.ts';
import { pathOf } from './file-paths.ts';
import { hashOf, read } from './file-read.ts';
import { copy, makeDirectory, move, remove } from './file-tree.ts';
import { openUploads } from './file-write.ts';
import type { Head } from './protocol.ts';
import type { Streams } from './streams.ts';

/** The requests about files, by the names that the server uses. */
export const openFiles = (streams: Streams) => {
  const { write, finish } = openUploads(streams);
  return {
    stat,
    list,
    usage,
    read: (head: Head) => read(streams, head),
    sha256: (head: Head) => hashOf(pathOf(head)),
    write,
    finish,
    mkdir: makeDirectory,
    move,
    copy,
    remove,
  };
};
