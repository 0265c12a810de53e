// Starts the services that the tests use, prints where they are and stops them on Ctrl-C: `npm run -s services`.
import { serviceNames, startServices } from './services.ts';

/** Also while they start, when what has been started ends with this process. */
let end = (): void => process.exit(130);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => end());

const services = await startServices(serviceNames);
for (const [name, value] of Object.entries(services.env))
  process.stdout.write(`export ${name}=${value}\n`);
process.stderr.write('Press Ctrl-C to stop the services.\n');

// The services alone do not keep this process alive.
const timer = setInterval(() => undefined, 60_000);
await new Promise<void>((resolve) => {
  end = resolve;
});
clearInterval(timer);
await services.stop();
