import { existsSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../../errors.ts';

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

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

/** One list: schema, default and meaning of each setting. */
export const variables = {
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
} as const satisfies Record<string, readonly [z.ZodType, string | undefined, string]>;

type Values = { [Name in keyof typeof variables]: z.output<(typeof variables)[Name][0]> };

export type DockerSettings = {
  socketPath: string;
  /** From the name of a template to its image. */
  templates: Readonly<Record<string, string>>;
  user: { uid: number; gid: number };
  network: string;
  runtime: string | undefined;
  ulimits: readonly { Name: string; Soft: number; Hard: number }[];
};

const standardSockets = (env: NodeJS.ProcessEnv): string[] => [
  '/var/run/docker.sock',
  '/run/podman/podman.sock',
  ...(env.XDG_RUNTIME_DIR
    ? [`${env.XDG_RUNTIME_DIR}/docker.sock`, `${env.XDG_RUNTIME_DIR}/podman/podman.sock`]
    : []),
];

const toSettings = (values: Values, env: NodeJS.ProcessEnv): DockerSettings => {
  const [first = '/var/run/docker.sock', ...others] = standardSockets(env);
  const found = [first, ...others].find((path) => existsSync(path)) ?? first;
  return {
    socketPath: values.SANDBANK_DOCKER_HOST?.replace(/^unix:\/\//, '') ?? found,
    templates: { ...values.SANDBANK_DOCKER_TEMPLATES, default: values.SANDBANK_DOCKER_IMAGE },
    user: values.SANDBANK_DOCKER_USER,
    network: values.SANDBANK_DOCKER_NETWORK,
    runtime: values.SANDBANK_DOCKER_RUNTIME,
    ulimits: values.SANDBANK_DOCKER_ULIMITS,
  };
};

/** What the environment says of this provider; `INVALID_ARGUMENT` names every problem, one a line. */
export const readDockerSettings = (env: NodeJS.ProcessEnv): DockerSettings => {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, [schema, fallback, meaning]] of Object.entries(variables)) {
    const given = env[name] === '' ? undefined : env[name];
    const result = (schema as z.ZodType).safeParse(given ?? fallback);
    if (result.success) values[name] = result.data;
    else
      problems.push(
        `${name}: ${result.error.issues.map(({ message }) => message).join(', ')} (${meaning})`,
      );
  }
  if (problems.length)
    throw new AppError(
      'INVALID_ARGUMENT',
      `The settings of the provider "docker" have ${problems.length} problem(s):\n  ${problems.join('\n  ')}`,
    );
  return toSettings(values as Values, env);
};
