import { join } from 'node:path';
import { prepareBaseImage } from './base-image.ts';
import { findBinary } from './binaries.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { dockerRequest } from './docker-request.ts';
import { openFolder } from './folder.ts';
import { writePodmanConfig } from './podman-config.ts';
import { poll } from './processes.ts';
import { isRoot } from './user.ts';

export type DockerService = {
  /** As in DOCKER_HOST. */
  host: string;
  image: string;
  pid(): number;
  stop(): Promise<void>;
};

const START_MS = 30_000;

/**
 * Namespaces of its own: when the first process in them ends, the kernel ends podman, its monitors and all containers,
 * and no mount is left on this machine. The shell is that first process, since it also reaps what the monitors leave.
 */
const isolated = (podman: string, host: string): { file: string; args: string[] } => ({
  file: 'unshare',
  args: [
    ...['--pid', '--fork', '--kill-child=KILL', '--mount', '--mount-proc'],
    ...['--propagation', 'private', 'bash', '-c'],
    'mount -t tmpfs tmpfs /dev/shm || exit; "$0" system service --time=0 "$1" & wait',
    ...[podman, host],
  ],
});
/** Without root podman makes namespaces itself. */
const plain = (podman: string, host: string): { file: string; args: string[] } => ({
  file: podman,
  args: ['system', 'service', '--time=0', host],
});

const removeContainers = async (host: string): Promise<void> => {
  const { text } = await dockerRequest(host, 'GET', '/v1.41/containers/json?all=1');
  for (const { Id } of JSON.parse(text) as { Id: string }[])
    await dockerRequest(host, 'DELETE', `/v1.41/containers/${Id}?force=1&v=1`);
};

/** podman with a Docker-compatible socket, with images and containers of its own, and the base image. */
export const startDocker = async (): Promise<DockerService> => {
  const podman = await findBinary('podman');
  const image = await prepareBaseImage();
  const folder = await openFolder('podman');
  const cwd = await folder.make('podman');
  const host = `unix://${join(cwd, 'api.sock')}`;
  const config = await writePodmanConfig(cwd, image.store);
  const daemon: Daemon = startDaemon({
    ...(isRoot ? isolated(podman, host) : plain(podman, host)),
    ...{ cwd, logFile: join(folder.path, 'podman.log'), stopSignal: 'SIGKILL' },
    env: { ...process.env, ...config },
  });
  await poll('podman did not start', START_MS, async () => {
    if (!daemon.isRunning()) throw new Error(`podman did not start: ${daemon.log()}`);
    return dockerRequest(host, 'GET', '/_ping').then(
      ({ status }) => status === 200 || undefined,
      () => undefined,
    );
  });
  return {
    host,
    image: image.name,
    pid: () => daemon.pid,
    async stop() {
      // In order, so that networks and control groups go with their containers.
      if (daemon.isRunning()) await removeContainers(host).catch(() => undefined);
      await daemon.kill();
      folder.remove();
    },
  };
};
