import { pino } from 'pino';
import { createApp } from '../../../src/app.ts';
import { readConfig } from '../../../src/config/read.ts';
import { createSharedVendor } from '../shared-vendor.ts';

/** A whole server whose only provider is the vendor in a folder. */
const config = readConfig(process.env, process.cwd());
const log = pino({ level: config.logLevel }, pino.destination(2));
const folder = process.env.SANDBANK_TEST_VENDOR ?? '';
const app = await createApp(config, log, {
  openVendors: async ({ deployment }) => [createSharedVendor(folder, deployment)],
});
await app.listen();
process.stdout.write('The server is ready\n');
process.once('SIGTERM', () => void app.dispose().then(() => process.exit(0)));
