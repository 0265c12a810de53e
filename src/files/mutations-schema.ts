import { z } from 'zod';
import { builder } from '../graphql/builder.ts';
import { contentOf } from '../graphql/content.ts';
import { upper } from '../graphql/enums.ts';
import { ErrorCodeEnum } from '../graphql/errors.ts';
import type { FileStat, WriteOptions } from '../providers/types/files.ts';
import { FileRef, type LocatedFile, type Outcome } from './schema.ts';
import type { NewFile } from './service.ts';

const PATH = 'Absolute, or relative to /home/user.';

const FilePayload = builder.objectRef<{ file: LocatedFile }>('FilePayload').implement({
  description: 'A file after a change.',
  fields: (t) => ({
    file: t.field({ description: 'As it is now.', type: FileRef, resolve: ({ file }) => file }),
  }),
});
const located = (file: FileStat, sandboxId: string) => ({ file: { ...file, sandboxId } });

const WriteModeEnum = builder.enumType('WriteMode', {
  description: 'How to write.',
  values: upper<NonNullable<WriteOptions['mode']>>({
    replace: 'All at once: readers see the old content or the new.',
    create: 'Only if nothing is there.',
    append: 'At the end.',
  }),
});

const mode = {
  description: 'Permission bits in octal, such as 0644.',
  validate: z.string().regex(/^[0-7]{3,4}$/, 'permission bits in octal, such as 0644'),
};
const bits = (text: string | null | undefined) =>
  text ? { permissions: Number.parseInt(text, 8) } : {};

const ContentInput = builder.inputType('FileInput', {
  description: 'A file to write: `text` or `data`.',
  fields: (t) => ({
    path: t.string({ required: true, description: `${PATH} Missing directories are made.` }),
    text: t.string({ description: 'Content as UTF-8.' }),
    data: t.field({ type: 'Base64', description: 'Content as it is.' }),
    mode: t.field({ type: WriteModeEnum, description: 'How to write. Default: REPLACE.' }),
    permissions: t.string(mode),
    ifMatch: t.string({
      description: 'Only if its sha256 is this one, else PRECONDITION_FAILED.',
      validate: z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 in lower-case hex'),
    }),
  }),
});

const toFile = ({
  path,
  text,
  data,
  mode: how,
  permissions,
  ifMatch,
}: typeof ContentInput.$inferInput): NewFile => ({
  path,
  content: contentOf({ text, data }),
  ...(how ? { mode: how } : {}),
  ...bits(permissions),
  ...(ifMatch ? { ifMatch } : {}),
});

const WriteInput = builder.inputType('WriteFileInput', {
  description: 'What to write.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    file: t.field({ type: ContentInput, required: true, description: 'What.' }),
  }),
});

builder.mutationField('writeFile', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Writes a file. For more than a few MiB use `Sandbox.uploadUrl`.',
    type: FilePayload,
    errors: {},
    args: { input: t.arg({ type: WriteInput, required: true, description: 'What to write.' }) },
    resolve: async (_, { input: { sandboxId, file } }, { files, principal }) =>
      located(await files.write(principal, sandboxId, toFile(file)), sandboxId),
  }),
);

const OutcomeRef = builder.objectRef<Outcome>('WriteOutcome').implement({
  description: 'How one of several writes went.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'As it was given.' }),
    file: t.field({
      description: 'As it is now; null when it was refused.',
      type: FileRef,
      nullable: true,
      resolve: ({ file }) => file,
    }),
    errorCode: t.field({
      description: 'Why it was refused, for programs.',
      type: ErrorCodeEnum,
      nullable: true,
      resolve: ({ error }) => error?.code ?? null,
    }),
    errorMessage: t.string({
      description: 'Why it was refused, for people.',
      nullable: true,
      resolve: ({ error }) => error?.message ?? null,
    }),
  }),
});
const WriteManyPayload = builder.objectRef<{ outcomes: Outcome[] }>('WriteFilesPayload').implement({
  description: 'How the writes went.',
  fields: (t) => ({
    outcomes: t.field({
      description: 'In the order of the input.',
      type: [OutcomeRef],
      resolve: ({ outcomes }) => outcomes,
    }),
  }),
});
const WriteManyInput = builder.inputType('WriteFilesInput', {
  description: 'What to write.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    files: t.field({
      type: [ContentInput],
      required: true,
      description: '1 to 100. One that is refused does not stop the others.',
    }),
  }),
});

builder.mutationField('writeFiles', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Writes several files, one after the other.',
    type: WriteManyPayload,
    errors: {},
    args: { input: t.arg({ type: WriteManyInput, required: true, description: 'What to write.' }) },
    resolve: async (_, { input }, { files, principal }) => {
      const outcomes = await files.writeMany(principal, input.sandboxId, input.files.map(toFile));
      return {
        outcomes: outcomes.map(({ file, ...rest }) => ({
          ...rest,
          file: file && { ...file, sandboxId: input.sandboxId },
        })),
      };
    },
  }),
);

const MakeInput = builder.inputType('MakeDirectoryInput', {
  description: 'What to make.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    path: t.string({ required: true, description: PATH }),
    recursive: t.boolean({
      description: 'Make what is missing above it, and accept that it is there already.',
    }),
    permissions: t.string(mode),
  }),
});

builder.mutationField('makeDirectory', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Makes a directory.',
    type: FilePayload,
    errors: {},
    args: { input: t.arg({ type: MakeInput, required: true, description: 'What to make.' }) },
    resolve: async (
      _,
      { input: { sandboxId, path, recursive, permissions } },
      { files, principal },
    ) =>
      located(
        await files.makeDirectory(principal, sandboxId, path, {
          recursive: recursive ?? false,
          ...bits(permissions),
        }),
        sandboxId,
      ),
  }),
);

const twoPaths = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({
      sandboxId: t.id({ required: true, description: 'Where.' }),
      from: t.string({ required: true, description: PATH }),
      to: t.string({ required: true, description: `${PATH} Missing directories are made.` }),
      overwrite: t.boolean({
        description: 'Replace what is there. Default: refuse with ALREADY_EXISTS.',
      }),
    }),
  });

for (const { name, input: inputName, verb, description } of [
  {
    name: 'movePath',
    input: 'MovePathInput',
    verb: 'move',
    description: 'Moves or renames a file or directory.',
  },
  {
    name: 'copyPath',
    input: 'CopyPathInput',
    verb: 'copy',
    description: 'Copies a file, or a directory with all that is in it. Links are copied as links.',
  },
] as const) {
  const type = twoPaths(inputName, `What to ${verb}.`);
  builder.mutationField(name, (t) =>
    t.withAuth({ authenticated: true }).field({
      description,
      type: FilePayload,
      errors: {},
      args: { input: t.arg({ type, required: true, description: `What to ${verb}.` }) },
      resolve: async (_, { input }, { files, principal }) => {
        const { sandboxId, from, to, overwrite } = input;
        return located(
          await files[verb](principal, sandboxId, from, to, overwrite ?? false),
          sandboxId,
        );
      },
    }),
  );
}

const RemoveInput = builder.inputType('RemovePathInput', {
  description: 'What to remove.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    path: t.string({ required: true, description: PATH }),
    recursive: t.boolean({
      description: 'With all that is in it. Default: a directory with entries is a CONFLICT.',
    }),
  }),
});
const RemovePayload = builder.objectRef<{ path: string }>('RemovePathPayload').implement({
  description: 'What was removed.',
  fields: (t) => ({ path: t.exposeString('path', { description: 'As it was given.' }) }),
});

builder.mutationField('removePath', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Removes a file, a link or a directory.',
    type: RemovePayload,
    errors: {},
    args: { input: t.arg({ type: RemoveInput, required: true, description: 'What to remove.' }) },
    resolve: async (_, { input: { sandboxId, path, recursive } }, { files, principal }) => {
      await files.remove(principal, sandboxId, path, recursive ?? false);
      return { path };
    },
  }),
);

type Change = { kind: 'created' | 'modified' | 'deleted' | 'overflow'; path: string };

const ChangeKindEnum = builder.enumType('FileChangeKind', {
  description: 'What happened to a path.',
  values: upper<Change['kind']>({
    created: 'It is there now.',
    modified: 'Its content or its mode changed.',
    deleted: 'It is gone.',
    overflow: 'Too much at once: list the directory again.',
  }),
});
const ChangeRef = builder.objectRef<Change>('FileChange').implement({
  description: 'A change of a path that is watched.',
  fields: (t) => ({
    kind: t.field({
      description: 'What happened.',
      type: ChangeKindEnum,
      resolve: ({ kind }) => kind,
    }),
    path: t.exposeString('path', { description: 'Absolute.' }),
  }),
});

builder.subscriptionField('fileChanges', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Changes below a path from now on. Not recorded: after a reconnect, list the directory. Completes when the sandbox ends.',
    type: ChangeRef,
    args: {
      sandboxId: t.arg.id({ required: true, description: 'Where.' }),
      path: t.arg.string({ required: true, description: PATH }),
      recursive: t.arg.boolean({ description: 'Below its directories too.' }),
    },
    subscribe: (_, { sandboxId, path, recursive }, { files, principal, signal }) =>
      files.watch(principal, sandboxId, path, { recursive: recursive ?? false, signal }),
    resolve: (change: Change) => change,
  }),
);
