import { pino } from 'pino';
import { createApp } from '../../../src/app.ts';
import { readConfig } from '../../../src/config.ts';
import { createSharedVendor } from '../shared-vendor.ts';

/** A whole server whose only provider is the vendor in a folder. */
const config = readConfig(process.env, process.cwd());
const log = pino({ level: config.logLevel }, pino.destination(2));
const vendor = createSharedVendor(process.env.SANDBANK_TEST_VENDOR ?? '');
const app = await createApp(config, log, async () => [vendor]);
await app.listen();
process.stdout.write('The server is ready\n');
process.once('SIGTERM', () => void app.dispose().then(() => process.exit(0)));
