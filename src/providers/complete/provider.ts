import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import type { SandboxHandle, VendorHandle } from '../types/handle.ts';
import type { CompleteProvider, Provider, SandboxFacts } from '../types/provider.ts';
import { createCall } from './call.ts';
import { checkHealth, checkListed } from './check.ts';
import { type Deadlines, deadlines as defaults } from './deadlines.ts';
import { completeHandle } from './handle.ts';
import { createUnsupported } from './unsupported.ts';

/** Sandboxes that are known to be ours; whoever opened the provider says for whom. */
export type CompleteOptions = { deployment: string; log: Logger; deadlines?: Partial<Deadlines> };

export const completeProvider = (
  provider: Provider,
  { deployment, log, deadlines: changed = {} }: CompleteOptions,
): CompleteProvider => {
  const { name, capabilities } = provider;
  const deadlines = { ...defaults, ...changed };
  const call = createCall(name, deadlines);
  const unsupported = createUnsupported(name);
  const context = { provider: name, capabilities, call, deadlines, unsupported, log };
  const complete = (vendor: VendorHandle, facts: SandboxFacts): SandboxHandle =>
    completeHandle(vendor, facts, context);

  /** What cannot be destroyed now bears the label, and is found by it. */
  const settleLate = async (
    late: VendorHandle,
    isTaken: (ref: string) => Promise<boolean>,
  ): Promise<void> => {
    const { ref } = late;
    const cannotTell = (error: unknown): true => {
      log.error(
        { err: error, provider: name, ref },
        'a late sandbox is left: who has it is unknown',
      );
      return true;
    };
    try {
      if (await isTaken(ref).catch(cannotTell)) return late.detach?.();
      log.warn({ provider: name, ref }, 'a sandbox came too late and is destroyed');
      await call.idempotent('destroy', (limit) => late.destroy(limit));
    } catch (error) {
      log.error({ err: error, provider: name, ref }, 'a late sandbox could not be destroyed');
    }
  };

  return {
    name,
    capabilities,
    templates: provider.templates ?? ['default'],
    async health() {
      try {
        return checkHealth(await call.once('health', (signal) => provider.health(signal)));
      } catch (error) {
        log.warn({ err: error, provider: name }, 'the health of a provider could not be asked');
        const reason = error instanceof AppError ? error.message : 'It failed.';
        return { status: 'unavailable', reason };
      }
    },
    async create(spec, { signal, isTaken = async () => false } = {}) {
      const { networkModes } = capabilities;
      if (!networkModes.includes(spec.network.mode))
        throw unsupported(
          `network.${spec.network.mode}`,
          `Choose one of its network modes: ${networkModes.join(', ')}`,
        );
      const vendor = await call.once('create', (limit) => provider.create(spec, limit), {
        signal,
        onLate: (late) => void settleLate(late, isTaken),
      });
      return complete(vendor, spec);
    },
    connect: async (ref, facts, signal) =>
      complete(
        await call.idempotent('connect', (limit) => provider.connect(ref, limit), {
          signal,
          onLate: (late) => late.detach?.(),
        }),
        facts,
      ),
    list: async (signal) =>
      checkListed(
        await call.idempotent('list', (limit) => provider.list(limit), { signal }),
        deployment,
      ),
    destroy: (ref, signal) =>
      call.idempotent('destroy', (limit) => provider.destroy(ref, limit), { signal }),
    dispose: () =>
      call
        .once('destroy', () => provider.dispose())
        .catch((error: unknown) =>
          log.warn({ err: error, provider: name }, 'a provider could not be let go of'),
        ),
  };
};
