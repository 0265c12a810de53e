import { existsSync } from 'node:fs';
import { z } from 'zod';
import { list, type Values, type Variables } from '../../lib/settings.ts';

/** A reference that an engine accepts: it goes into requests and messages. */
const image = z
  .string()
  .max(255)
  .regex(
    /^[a-z0-9][a-zA-Z0-9._:/@-]*$/,
    'must be the name of an image, such as debian:bookworm-slim',
  );

const templates = z.string().transform((text, context) => {
  const found: Record<string, string> = {};
  for (const part of list(text)) {
    const [name = '', ...rest] = part.split('=');
    const parsed = image.safeParse(rest.join('='));
    if (/^[a-z0-9][a-z0-9._-]*$/.test(name) && parsed.success) found[name] = parsed.data;
    else
      context.addIssue(
        `"${part.slice(0, 100)}" must be name=image, such as node=node:24; separate several by commas`,
      );
  }
  return found;
});

const user = z.string().transform((text, context) => {
  const [, uid, gid] = /^([1-9]\d{0,9}):([1-9]\d{0,9})$/.exec(text) ?? [];
  if (!uid || !gid || Number(uid) >= 2 ** 32 - 1 || Number(gid) >= 2 ** 32 - 1)
    context.addIssue('must be the numbers of a user and a group, neither of them 0 (root)');
  return { uid: Number(uid), gid: Number(gid) };
});

const ulimits = z.string().transform((text, context) =>
  list(text).map((part) => {
    const [, name = '', soft, hard] = /^([a-z]+)=(\d+):(\d+)$/.exec(part) ?? [];
    if (!name || Number(soft) > Number(hard))
      context.addIssue(
        `"${part.slice(0, 100)}" must be name=soft:hard, such as nofile=1024:20000; separate several by commas`,
      );
    return { Name: name, Soft: Number(soft), Hard: Number(hard) };
  }),
);

const word = z
  .string()
  .max(255)
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, 'must be a name');

/** Settings of this provider; the help and the check for unknown variables include them. */
export const dockerVariables = {
  SANDBANK_DOCKER_HOST: [
    z
      .string()
      .regex(/^unix:\/\/\/\S+$/, 'must be unix:///path/of/the/socket')
      .optional(),
    undefined,
    'socket of Docker or podman (default: the first that exists of the standard ones)',
  ],
  SANDBANK_DOCKER_IMAGE: [image, 'debian:bookworm-slim', 'image of the template `default`'],
  SANDBANK_DOCKER_TEMPLATES: [
    templates,
    '',
    'images of other templates: name=image, separated by commas',
  ],
  SANDBANK_DOCKER_USER: [user, '1000:1000', 'numbers of the user and group of every process'],
  SANDBANK_DOCKER_NETWORK: [word, 'bridge', 'network of the engine for the network mode `full`'],
  SANDBANK_DOCKER_RUNTIME: [
    word.optional(),
    undefined,
    'runtime of the engine, such as runsc (default: that of the engine)',
  ],
  SANDBANK_DOCKER_ULIMITS: [
    ulimits,
    '',
    'limits of a process as name=soft:hard, separated by commas (default: those of the engine)',
  ],
} satisfies Variables;

export type DockerVariables = Values<typeof dockerVariables>;

export type DockerSettings = {
  socketPath: string;
  /** From the name of a template to its image. */
  templates: Readonly<Record<string, string>>;
  user: { uid: number; gid: number };
  network: string;
  runtime: string | undefined;
  ulimits: readonly { Name: string; Soft: number; Hard: number }[];
};

/** The engine of the system, then that of this user. */
const standardSockets = [
  '/var/run/docker.sock',
  '/run/podman/podman.sock',
  `/run/user/${process.getuid?.()}/docker.sock`,
  `/run/user/${process.getuid?.()}/podman/podman.sock`,
];

export const toSettings = (values: DockerVariables): DockerSettings => ({
  socketPath:
    values.SANDBANK_DOCKER_HOST?.replace(/^unix:\/\//, '') ??
    standardSockets.find((path) => existsSync(path)) ??
    '/var/run/docker.sock',
  templates: { ...values.SANDBANK_DOCKER_TEMPLATES, default: values.SANDBANK_DOCKER_IMAGE },
  user: values.SANDBANK_DOCKER_USER,
  network: values.SANDBANK_DOCKER_NETWORK,
  runtime: values.SANDBANK_DOCKER_RUNTIME,
  ulimits: values.SANDBANK_DOCKER_ULIMITS,
});
