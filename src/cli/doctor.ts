import type { Config } from '../config/read.ts';
import { CONFIRM } from '../pool/ownership.ts';
import { probeHost } from '../providers/local/probe.ts';
import { doubtOf } from './server.ts';

const marks = { ok: '✓', warning: '!', failed: '✗' } as const;

/** Exit code 1 when local sandboxes cannot work here. */
export const doctor = async (config: Config): Promise<number> => {
  const report = await probeHost();
  for (const check of report.checks) {
    process.stdout.write(`${marks[check.status]} ${check.name}: ${check.detail}\n`);
    if (check.remedy) process.stdout.write(`    → ${check.remedy}\n`);
  }
  const doubt = await doubtOf(config).catch((error: Error) => {
    process.stdout.write(`! database: ${error.message}\n`);
    return null;
  });
  if (doubt !== null) process.stdout.write(`! server: may be a copy. ${doubt}\n    → ${CONFIRM}\n`);
  process.stdout.write(
    report.ok
      ? '\nLocal sandboxes work on this host.\n'
      : '\nLocal sandboxes do not work on this host yet: mend what is marked ✗. Nothing ever runs outside a sandbox instead.\n',
  );
  return report.ok ? 0 : 1;
};
