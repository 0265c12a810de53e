import { createSealer } from '../../src/lib/sealed.ts';
import { readVariables } from '../../src/lib/settings.ts';
import { dockerVariables } from '../../src/providers/docker/config.ts';
import { openProvider } from '../../src/providers/docker/docker.ts';
import { log, spec, type Vendor } from '../conformance/provider/subject.ts';

/** The engine of the tests, which may lack the right to raise the limits of a process: they are given. */
export const dockerEnvironment = (): Record<string, string> => ({
  SANDBANK_DOCKER_HOST: process.env.SANDBANK_TEST_DOCKER_HOST ?? '',
  SANDBANK_DOCKER_IMAGE: process.env.SANDBANK_TEST_DOCKER_IMAGE ?? '',
  SANDBANK_DOCKER_ULIMITS: 'nofile=1024:20000,nproc=4096:4096',
});

export const readDockerVariables = (env: Record<string, string>) => {
  const problems: string[] = [];
  return { values: readVariables(dockerVariables, env, problems), problems };
};

export const openDocker = (deployment: string, changes: Record<string, string> = {}) =>
  openProvider(
    {
      deployment,
      stateDir: '/nonexistent',
      sealer: createSealer('a secret of these tests'),
      defaultLimits: spec().limits,
      log,
    },
    readDockerVariables({ ...dockerEnvironment(), ...changes }).values,
  );

/** The engine of the tests as a vendor. */
export const startDockerVendor = async (): Promise<Vendor> => ({
  open: openDocker,
  close: async () => undefined,
});
