import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRoot } from './user.ts';

const quote = (value: unknown): string => JSON.stringify(value);
const toml = (sections: Record<string, Record<string, unknown>>): string =>
  Object.entries(sections)
    .map(([name, entries]) =>
      [
        `[${name}]`,
        ...Object.entries(entries).map(([key, value]) => `${key} = ${quote(value)}`),
      ].join('\n'),
    )
    .join('\n\n');

/** A rootless podman can limit resources only through the user's systemd. */
const cgroupManager = (): string =>
  !isRoot && existsSync(`/run/user/${process.getuid?.()}/systemd`) ? 'systemd' : 'cgroupfs';

/** One that neither another run of the tests nor the machine's own podman uses. */
const network = () => {
  const number = process.pid % (50 * 256);
  const subnet = `10.${200 + Math.floor(number / 256)}.${number % 256}`;
  return {
    name: 'podman',
    id: '2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9',
    driver: 'bridge',
    network_interface: `sandbank${number}`,
    created: '2026-01-01T00:00:00Z',
    subnets: [{ subnet: `${subnet}.0/24`, gateway: `${subnet}.1` }],
    ipv6_enabled: false,
    internal: false,
    dns_enabled: false,
    ipam_options: { driver: 'host-local' },
  };
};

/** Writes a configuration for a podman all of whose files are in `folder`; the machine's own is not read. */
export const writePodmanConfig = async (
  folder: string,
  imageStore: string,
): Promise<Record<string, string>> => {
  const files = { config: join(folder, 'containers.conf'), storage: join(folder, 'storage.conf') };
  const networks = join(folder, 'networks');
  const config = {
    // runc works with every version of cgroups, crun does not with a mix of them. The default limits need a capability
    // (CAP_SYS_RESOURCE) that root in a virtual machine or a container often lacks.
    engine: {
      ...{ runtime: 'runc', cgroup_manager: cgroupManager(), events_logger: 'file' },
      ...{ tmp_dir: join(folder, 'tmp'), num_locks: 2_048 },
    },
    containers: {
      default_ulimits: ['nofile=1024:20000', 'nproc=4096:4096'],
      log_driver: 'k8s-file',
    },
    network: { network_backend: 'netavark', network_config_dir: networks },
  };
  const storage = {
    storage: { driver: 'overlay', graphroot: join(folder, 'root'), runroot: join(folder, 'run') },
    'storage.options': { additionalimagestores: [imageStore] },
  };
  await mkdir(networks);
  await writeFile(join(networks, 'podman.json'), JSON.stringify(network()));
  await writeFile(files.config, toml(config));
  await writeFile(files.storage, toml(storage));
  return { CONTAINERS_CONF: files.config, CONTAINERS_STORAGE_CONF: files.storage };
};
