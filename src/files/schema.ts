import { z } from 'zod';
import type { AppError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import { SignedUrlRef } from '../graphql/signed-url.ts';
import type { FileStat, FileType } from '../providers/types/files.ts';
import { SandboxRef } from '../sandboxes/schema.ts';
import { type Content, MAX_CONTENT } from './service.ts';

export type LocatedFile = FileStat & { sandboxId: string };

const FileTypeEnum = builder.enumType('FileType', {
  description: 'What is at a path.',
  values: upper<FileType>({
    file: 'A regular file.',
    directory: 'A directory.',
    symlink: 'A symbolic link.',
    other: 'A socket, FIFO or device.',
  }),
});

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const asText = (bytes: Uint8Array): string | null => {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
};

const ContentRef = builder.objectRef<Content>('FileContent').implement({
  description: 'Bytes of a file.',
  fields: (t) => ({
    text: t.string({
      description: 'As UTF-8; null when they are not valid UTF-8.',
      nullable: true,
      resolve: ({ bytes }) => asText(bytes),
    }),
    data: t.field({ description: 'Exactly.', type: 'Base64', resolve: ({ bytes }) => bytes }),
    offset: t.field({
      description: 'Where they begin.',
      type: 'Byte',
      resolve: ({ offset }) => offset,
    }),
    length: t.field({
      description: 'How many they are.',
      type: 'Byte',
      resolve: ({ bytes }) => bytes.length,
    }),
    totalSize: t.field({
      description: 'How many the file has.',
      type: 'Byte',
      resolve: ({ totalSize }) => totalSize,
    }),
    truncated: t.boolean({
      description: 'The file goes on after them.',
      resolve: ({ offset, bytes, totalSize }) => offset + bytes.length < totalSize,
    }),
  }),
});

export const FileRef = builder.objectRef<LocatedFile>('File').implement({
  description: 'What is at a path of a sandbox. Links are shown, not followed.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Absolute.' }),
    name: t.string({
      description: 'Last part of the path.',
      resolve: ({ path }) => path.slice(path.lastIndexOf('/') + 1),
    }),
    type: t.field({ description: 'What it is.', type: FileTypeEnum, resolve: ({ type }) => type }),
    size: t.field({ description: 'Bytes.', type: 'Byte', resolve: ({ size }) => size }),
    mode: t.string({
      description: 'Permission bits in octal, such as 0644.',
      resolve: ({ mode }) => mode.toString(8).padStart(4, '0'),
    }),
    modifiedAt: t.field({
      description: 'When it was last written.',
      type: 'DateTime',
      resolve: ({ modifiedAt }) => modifiedAt,
    }),
    symlinkTarget: t.exposeString('symlinkTarget', {
      description: 'What a link says.',
      nullable: true,
    }),
    sha256: t.string({
      description: 'Of its content, in hex; null unless it is a regular file.',
      nullable: true,
      complexity: 20,
      resolve: ({ sandboxId, path, type }, _, { files, principal }) =>
        principal && type === 'file' ? files.sha256(principal, sandboxId, path) : null,
    }),
    content: t.field({
      description:
        'Its bytes, at most 1 MiB at once; for more, `Sandbox.downloadUrl`. Null unless it is a regular file.',
      type: ContentRef,
      nullable: true,
      complexity: 20,
      args: {
        offset: t.arg({ type: 'Byte', description: 'First byte. Default 0.' }),
        length: t.arg({ type: 'Byte', description: 'How many. Default: to the end, or 1 MiB.' }),
      },
      resolve: ({ sandboxId, path, type }, { offset, length }, { files, principal }) =>
        principal && type === 'file'
          ? files.content(principal, sandboxId, path, {
              offset: offset ?? 0,
              length: length ?? MAX_CONTENT,
            })
          : null,
    }),
  }),
});

const DirectoryRef = builder
  .objectRef<{ path: string; sandboxId: string; entries: FileStat[]; truncated: boolean }>(
    'Directory',
  )
  .implement({
    description: 'What is in a directory.',
    fields: (t) => ({
      path: t.exposeString('path', { description: 'Absolute.' }),
      entries: t.field({
        description: 'Sorted by path.',
        type: [FileRef],
        resolve: ({ entries, sandboxId }) => entries.map((entry) => ({ ...entry, sandboxId })),
      }),
      truncated: t.exposeBoolean('truncated', { description: 'There is more than was asked for.' }),
    }),
  });

const pathText = 'Absolute, or relative to /home/user.';

builder.objectField(SandboxRef, 'file', (t) =>
  t.field({
    description: 'What is at a path; null when nothing is.',
    type: FileRef,
    nullable: true,
    complexity: 10,
    args: { path: t.arg.string({ required: true, description: pathText }) },
    resolve: async ({ id }, { path }, { files, principal }) => {
      const stat = principal && (await files.stat(principal, id, path));
      return stat ? { ...stat, sandboxId: id } : null;
    },
  }),
);

builder.objectField(SandboxRef, 'fileExists', (t) =>
  t.boolean({
    description: 'Whether something is at a path.',
    complexity: 10,
    args: { path: t.arg.string({ required: true, description: pathText }) },
    resolve: async ({ id }, { path }, { files, principal }) =>
      principal !== null && (await files.stat(principal, id, path)) !== null,
  }),
);

builder.objectField(SandboxRef, 'directory', (t) =>
  t.field({
    description: 'A directory; null when nothing is there.',
    type: DirectoryRef,
    nullable: true,
    complexity: 20,
    args: {
      path: t.arg.string({ required: true, description: pathText }),
      recursive: t.arg.boolean({
        description: 'What is below its directories too. Links are not followed.',
      }),
      limit: t.arg.int({
        description: 'Most entries, 1 to 10,000. Default 1,000.',
        validate: z.number().min(1).max(10_000),
      }),
    },
    resolve: async ({ id }, { path, recursive, limit }, { files, principal }) => {
      const found =
        principal &&
        (await files.list(principal, id, path, {
          recursive: recursive ?? false,
          limit: limit ?? 1_000,
        }));
      return found ? { ...found, sandboxId: id } : null;
    },
  }),
);

const ttl = {
  description: 'How long it is valid, in seconds, at most 86,400. Default 900.',
  validate: z.number().min(1).max(86_400),
};

builder.objectField(SandboxRef, 'uploadUrl', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Where to PUT the content of one file, of any size.',
    type: SignedUrlRef,
    args: {
      path: t.arg.string({ required: true, description: pathText }),
      ttlSeconds: t.arg.int(ttl),
      maxBytes: t.arg({
        type: 'Byte',
        description: 'Most bytes. Default: what the server allows.',
      }),
    },
    resolve: ({ id }, { path, ttlSeconds, maxBytes }, { files, principal }) =>
      files.uploadUrl(principal, id, path, (ttlSeconds ?? 900) * 1_000, maxBytes ?? null),
  }),
);

builder.objectField(SandboxRef, 'downloadUrl', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Where to GET the content of one file, of any size; ranges work.',
    type: SignedUrlRef,
    args: {
      path: t.arg.string({ required: true, description: pathText }),
      ttlSeconds: t.arg.int(ttl),
    },
    resolve: ({ id }, { path, ttlSeconds }, { files, principal }) =>
      files.downloadUrl(principal, id, path, (ttlSeconds ?? 900) * 1_000),
  }),
);

export type Outcome = { path: string; file: LocatedFile | null; error: AppError | null };
