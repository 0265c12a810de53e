import type { TestProject } from 'vitest/node';
import { findBinary } from './binaries.ts';
import { type ServiceName, startServices } from './services.ts';

/** What the tests of a vitest project use; projects that are not named here use nothing. */
const needs: Record<string, readonly ServiceName[]> = {
  stores: ['postgres', 'redis'],
  providers: ['docker'],
  api: ['postgres', 'redis', 'docker'],
};

/** Called once for a project of which a test runs, one project after the other; workers inherit this environment. */
export const setup = async ({ name }: TestProject): Promise<() => Promise<void>> => {
  if (name === 'browser')
    process.env.SANDBANK_TEST_CHROMIUM ??= await findBinary(
      'chromium',
      'chromium-browser',
      'google-chrome',
    );
  const services = await startServices(needs[name] ?? []);
  Object.assign(process.env, services.env);
  return services.stop;
};
