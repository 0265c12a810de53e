import type { Config } from '../config/read.ts';
import { CONFIRM } from '../pool/ownership.ts';
import { inspectProvider } from '../providers/registry.ts';
import { doubtOf } from './server.ts';

const marks = { ok: '✓', warning: '!', failed: '✗' } as const;
const say = (line: string): unknown => process.stdout.write(`${line}\n`);

/** Whether the sandboxes of one provider work here. */
const inspect = async (provider: Config['providers'][number]): Promise<boolean> => {
  const { ok, checks } = await inspectProvider(provider);
  say(`Provider ${provider.name}:`);
  for (const { name, status, detail, remedy } of checks) {
    say(`${marks[status]} ${name}: ${detail}`);
    if (remedy) say(`    → ${remedy}`);
  }
  say(
    ok
      ? `Sandboxes of ${provider.name} work on this host.\n`
      : `Sandboxes of ${provider.name} do not work on this host until what is marked ✗ is repaired. Nothing ever runs outside a sandbox instead.\n`,
  );
  return ok;
};

/** Exit code 1 when a configured provider cannot work here. */
export const doctor = async (config: Config): Promise<number> => {
  let works = true;
  for (const provider of config.providers) works = (await inspect(provider)) && works;
  const doubt = await doubtOf(config).catch((error: Error) => {
    say(`! database: ${error.message}`);
    return null;
  });
  if (doubt !== null) say(`! server: may be a copy. ${doubt}\n    → ${CONFIRM}`);
  return works ? 0 : 1;
};
