import type { Capabilities } from '../../src/providers/types/capabilities.ts';
import type { VendorHandle } from '../../src/providers/types/handle.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import type { Vendor } from '../conformance/provider/subject.ts';
import { testProvider } from '../conformance/provider/suite.ts';
import { startLocal } from './open-local.ts';

/**
 * A vendor in the middle: exact output as it is written, file bytes and process identifiers, and nothing else of its own. Everything but
 * that is done by commands in a real sandbox.
 */
const stripHandle = ({ ref, ended, files, ports, ...handle }: VendorHandle): VendorHandle => ({
  ref,
  ended,
  destroy: handle.destroy,
  ...(handle.detach ? { detach: handle.detach } : {}),
  ...(handle.expiry ? { expiry: handle.expiry } : {}),
  ...(ports?.dial ? { ports: { dial: ports.dial } } : {}),
  files: {
    atomic: false,
    read: files.read,
    write: (path, content) => files.write(path, content),
  },
  async spawn({ timeoutMs: _, ...spec }, signal) {
    const { pid, output, exit, release } = await handle.spawn(spec, signal);
    return { ref: spec.id, pid, output, exit, ...(release ? { release } : {}) };
  },
});
const strip = (provider: Provider): Provider => {
  const capabilities: Capabilities = {
    ...provider.capabilities,
    reattach: 'none',
    stdin: 'none',
    signals: 'none',
    pty: 'none',
    watch: 'none',
    limits: { ...provider.capabilities.limits, cpu: 'none', memory: 'none', time: 'none' },
  };
  return {
    ...provider,
    name: 'stripped',
    capabilities,
    create: async (...asked) => stripHandle(await provider.create(...asked)),
    connect: async (...asked) => stripHandle(await provider.connect(...asked)),
  };
};

const start = async (): Promise<Vendor> => {
  const { open, close } = await startLocal();
  return { open: async (deployment) => strip(await open(deployment)), close };
};

testProvider({ name: 'stripped', start });
