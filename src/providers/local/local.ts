import { join } from 'node:path';
import type { Provider, ProviderContext } from '../types/provider.ts';
import { writeAssets } from './assets.ts';
import { chooseBase } from './base.ts';
import { openCgroups } from './cgroup.ts';
import type { LocalSettings } from './config.ts';
import { probeHost } from './probe.ts';
import { createLocalProvider } from './provider.ts';
import { openTrash } from './trash.ts';
import { openUids } from './uids.ts';
import { unavailableProvider } from './unavailable.ts';

/** Isolated sandboxes on this host, or a provider that says why there can be none. */
export const openProvider = async (
  context: ProviderContext,
  settings: LocalSettings,
): Promise<Provider> => {
  const report = await probeHost();
  if (!report.ok)
    return unavailableProvider(
      report.checks
        .filter(({ status }) => status === 'failed')
        .map(({ name, detail, remedy }) => `${name}: ${detail}. ${remedy ?? ''}`.trim())
        .join(' '),
    );
  const base = chooseBase(context.stateDir);
  const host = {
    base,
    uids: openUids(),
    cgroups: openCgroups(),
    trash: openTrash(join(base, 'trash'), context.log),
    assets: writeAssets(join(base, 'assets')),
  };
  return createLocalProvider(host, context, settings.SANDBANK_WARM_SANDBOXES);
};
