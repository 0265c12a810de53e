import { readDockerSettings } from '../../src/providers/docker/config.ts';
import { createDockerProvider } from '../../src/providers/docker/docker.ts';
import type { ProviderSubject, Vendor } from '../conformance/provider/subject.ts';
import { log } from '../conformance/provider/subject.ts';

/** Where the engine of the tests is; it may lack the right to raise limits, so that they are given. */
export const dockerEnvironment = (): Record<string, string> => ({
  SANDBANK_DOCKER_HOST: process.env.SANDBANK_TEST_DOCKER_HOST ?? '',
  SANDBANK_DOCKER_IMAGE: process.env.SANDBANK_TEST_DOCKER_IMAGE ?? '',
  SANDBANK_DOCKER_ULIMITS: 'nofile=1024:20000,nproc=4096:4096',
});

export const openDocker = (deployment: string, changes: Record<string, string> = {}) =>
  createDockerProvider({
    deployment,
    log,
    settings: readDockerSettings({ ...dockerEnvironment(), ...changes }),
  });

export const dockerVendor = async (): Promise<Vendor> => ({
  open: async (deployment) => openDocker(deployment),
  close: async () => undefined,
});

export const dockerSubject: ProviderSubject = { name: 'docker', start: dockerVendor };
