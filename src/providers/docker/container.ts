import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerCreateOptions } from 'dockerode';
import { pack } from 'tar-stream';
import { AppError } from '../../errors.ts';
import type { SandboxSpec } from '../types/sandbox.ts';
import type { DockerSettings } from './config.ts';
import type { Engine } from './engine.ts';
import { statusOf } from './errors.ts';
import { DEPLOYMENT, nameOf, toLabels } from './labels.ts';
import { HOME, INIT, RUN } from './scripts.ts';

/** The first process of a sandbox and its clock, which the caller's limit does not count. */
const OWN_PROCESSES = 2;
/** When what a failed create may have left is looked for. */
const UNDO_MS: readonly number[] = [0, 1_000, 5_000, 20_000, 60_000];

export const imageOf = ({ templates }: DockerSettings, template: string): string => {
  const image = Object.hasOwn(templates, template) ? templates[template] : undefined;
  if (image) return image;
  throw new AppError(
    'INVALID_ARGUMENT',
    `There is no template "${template.slice(0, 100)}". Allowed: ${Object.keys(templates).sort().join(', ')}. SANDBANK_DOCKER_TEMPLATES adds others.`,
  );
};

const lifetimeSeconds = (expiresAt: number): number =>
  Math.max(1, Math.ceil((expiresAt - Date.now()) / 1_000));

/** Nothing of the machine is in it, and nothing in it can gain a right that its user does not have. */
export const toContainer = (
  spec: SandboxSpec,
  settings: DockerSettings,
  deployment: string,
): ContainerCreateOptions => {
  const { limits } = spec;
  const { uid, gid } = settings.user;
  return {
    name: nameOf(spec.id),
    Image: imageOf(settings, spec.template),
    User: `${uid}:${gid}`,
    WorkingDir: '/',
    Entrypoint: ['/bin/sh', '-c', INIT, 'sandbank', String(lifetimeSeconds(spec.expiresAt))],
    Cmd: [],
    Env: Object.entries({ HOME, TERM: 'xterm-256color', ...spec.env }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    Labels: toLabels(spec, deployment),
    HostConfig: {
      NetworkMode: spec.network.mode === 'full' ? settings.network : 'none',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: limits.processes + OWN_PROCESSES,
      Memory: limits.memoryBytes,
      // Both together: no swap.
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      Ulimits: [...settings.ulimits],
      // One that ends by itself leaves nothing behind.
      AutoRemove: true,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'none', Config: {} },
      ...(settings.runtime ? { Runtime: settings.runtime } : {}),
    },
  };
};

/** The home and our own folder, for an image that knows nothing of them. */
const addFolders = async (
  engine: Engine,
  ref: string,
  { uid, gid }: DockerSettings['user'],
  signal: AbortSignal,
): Promise<void> => {
  await engine.call(
    'prepare the home of the sandbox',
    async (options) => {
      const archive = pack();
      archive.entry({ name: HOME.slice(1), type: 'directory', mode: 0o755, uid, gid });
      archive.entry({ name: RUN.slice(1), type: 'directory', mode: 0o700, uid, gid });
      archive.finalize();
      const parts: Buffer[] = [];
      for await (const part of archive) parts.push(part as Buffer);
      const whole = Buffer.concat(parts);
      await engine.docker.getContainer(ref).putArchive(whole, { ...options, path: '/' });
    },
    signal,
  );
};

const explain = (error: unknown, image: string): unknown =>
  error instanceof AppError && statusOf(error.cause) === 404
    ? new AppError(
        'UNAVAILABLE',
        `The container engine has no image ${image}. Pull it: \`docker pull ${image}\` or \`podman pull ${image}\`.`,
        { cause: error, retryable: false },
      )
    : error;

/** Removes it whatever state it is in, or with `force: false` unless it runs; one that is gone is fine. */
export const removeContainer = async (
  { docker, call }: Engine,
  ref: string,
  signal?: AbortSignal,
  force = true,
): Promise<void> => {
  await call(
    'remove a container',
    async (options) => {
      try {
        await docker.getContainer(ref).remove({ ...options, force, v: true });
      } catch (error) {
        // 404: it is gone. 409: somebody is removing it.
        if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
      }
    },
    signal,
  );
};

/**
 * Removes a container that was never started. What cannot be removed now bears the label and is found by it. `mayCome`: it is asked for by its
 * name, and may be created yet.
 */
const undo = async (
  engine: Engine,
  ref: string,
  deployment: string,
  mayCome: boolean,
): Promise<void> => {
  for (const wait of UNDO_MS) {
    await sleep(wait, undefined, { ref: false });
    try {
      const found = await engine.call('look for a container', (options) =>
        engine.docker.getContainer(ref).inspect(options),
      );
      if (found.Config?.Labels?.[DEPLOYMENT] !== deployment) return;
      // One that runs may have been handed out by another server, which alone knows what becomes of it.
      if (found.State?.Running === true) return;
      await removeContainer(engine, found.Id, undefined, false);
      return;
    } catch (error) {
      if (!mayCome && error instanceof AppError && error.code === 'NOT_FOUND') return;
      // Not there yet, or no answer: looked for again.
    }
  }
};

/** An answer of the engine; without one, nobody knows what it has done. */
const isRefusal = (error: unknown): boolean =>
  error instanceof AppError && statusOf(error.cause) !== null;

/**
 * A container that runs. After a failure there is none, or soon none, unless the engine did not say whether it started: that one may run, and
 * another server may have found it and handed it out. It bears the label, and is removed when its row has ended.
 */
export const startContainer = async (
  engine: Engine,
  spec: SandboxSpec,
  settings: DockerSettings,
  deployment: string,
  signal: AbortSignal,
): Promise<string> => {
  const { docker, call } = engine;
  const options = toContainer(spec, settings, deployment);
  const { id: ref } = await call(
    'create a container',
    (aborting) => docker.createContainer({ ...options, ...aborting }),
    signal,
  ).catch((error: unknown) => {
    // It may have been created, or be created yet.
    if (!isRefusal(error)) void undo(engine, nameOf(spec.id), deployment, true);
    throw explain(error, String(options.Image));
  });
  let isStarting = false;
  try {
    await addFolders(engine, ref, settings.user, signal);
    await call(
      'start a container',
      (aborting) => {
        isStarting = true;
        return docker.getContainer(ref).start(aborting);
      },
      signal,
    );
  } catch (error) {
    if (isStarting && !isRefusal(error)) throw error;
    const removal = undo(engine, ref, deployment, false);
    if (!signal.aborted) await removal;
    throw error;
  }
  return ref;
};
