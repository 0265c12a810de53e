import { AppError } from '../../errors.ts';
import type { Provider } from '../types/provider.ts';
import { localCapabilities } from './capabilities.ts';

/** The provider of a host where no sandbox can be isolated: it refuses everything and says why. */
export const unavailableProvider = (problems: string): Provider => {
  const refuse = async (): Promise<never> => {
    throw new AppError('UNAVAILABLE', `Local sandboxes do not work on this host. ${problems}`, {
      retryable: false,
    });
  };
  return {
    name: 'local',
    capabilities: localCapabilities(false),
    health: async () => ({ status: 'unavailable', reason: problems }),
    create: refuse,
    connect: refuse,
    list: async () => [],
    destroy: refuse,
    dispose: async () => undefined,
  };
};
