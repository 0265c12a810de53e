import { installPackages } from './binaries.ts';
import { startDocker } from './docker.ts';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

/** The environment tells tests where a service is; one that is given there is used and not started. */
type Started = { env: Record<string, string>; stop(): Promise<void> };

const services = {
  postgres: {
    variables: ['SANDBANK_TEST_POSTGRES_URL'],
    async start(): Promise<Started> {
      const { url, stop } = await startPostgres();
      return { env: { SANDBANK_TEST_POSTGRES_URL: url }, stop };
    },
  },
  redis: {
    variables: ['SANDBANK_TEST_REDIS_URL'],
    async start(): Promise<Started> {
      const { url, stop } = await startRedis();
      return { env: { SANDBANK_TEST_REDIS_URL: url }, stop };
    },
  },
  docker: {
    variables: ['SANDBANK_TEST_DOCKER_HOST', 'SANDBANK_TEST_DOCKER_IMAGE'],
    async start(): Promise<Started> {
      const { host, image, stop } = await startDocker();
      return { env: { SANDBANK_TEST_DOCKER_HOST: host, SANDBANK_TEST_DOCKER_IMAGE: image }, stop };
    },
  },
};
export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as ServiceName[];

const startOrUse = async (name: ServiceName, given: NodeJS.ProcessEnv): Promise<Started> => {
  const { variables, start } = services[name];
  const missing = variables.filter((variable) => !given[variable]);
  if (missing.length === variables.length) return start();
  if (missing.length)
    throw new Error(`${missing.join(', ')} must be set too where ${variables[0]} is set.`);
  const env = Object.fromEntries(variables.map((variable) => [variable, given[variable] ?? '']));
  return { env, stop: async () => undefined };
};

/** Starts what `given` does not name, all at once; if one cannot start, the others are stopped. */
export const startServices = async (
  names: readonly ServiceName[],
  given: NodeJS.ProcessEnv = process.env,
): Promise<Started> => {
  const isGiven = (name: ServiceName) => services[name].variables.some((one) => given[one]);
  if (!names.every(isGiven)) await installPackages();
  const results = await Promise.allSettled(names.map((name) => startOrUse(name, given)));
  const started = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((one) => one.stop()));
  };
  const failure = results.find((one) => one.status === 'rejected');
  if (failure) {
    await stop();
    throw failure.reason;
  }
  return { env: Object.assign({}, ...started.map(({ env }) => env)), stop };
};
