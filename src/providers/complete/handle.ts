import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import type { Capabilities } from '../types/capabilities.ts';
import type { SandboxHandle, VendorHandle } from '../types/handle.ts';
import type { SandboxFacts } from '../types/provider.ts';
import type { SandboxEnd } from '../types/sandbox.ts';
import type { Call } from './call.ts';
import { checkEnd, checkUsage } from './check.ts';
import { createCommands } from './commands.ts';
import type { Deadlines } from './deadlines.ts';
import { completeFiles } from './files.ts';
import { completePorts } from './ports.ts';
import { createShell } from './shell.ts';
import { createSpawn } from './spawn.ts';
import { probeTools, type Tools } from './tools.ts';
import type { Unsupported } from './unsupported.ts';

export type HandleContext = {
  provider: string;
  capabilities: Capabilities;
  call: Call;
  deadlines: Deadlines;
  unsupported: Unsupported;
  log: Logger;
};

/** Every member of a handle: the vendor's own, what a command in the sandbox can do instead, or a refusal. */
export const completeHandle = (
  vendor: VendorHandle,
  { limits }: SandboxFacts,
  { provider, capabilities, call, deadlines, unsupported, log }: HandleContext,
): SandboxHandle => {
  const ended = Promise.withResolvers<SandboxEnd>();
  const listeners = new Set<() => void>();
  let isOver = false;
  let isEnding = false;
  const end = (how: SandboxEnd): void => {
    if (isOver) return;
    isOver = true;
    for (const listener of listeners) listener();
    ended.resolve(how);
  };
  vendor.ended.then(
    (how) => end(checkEnd(how)),
    (error: unknown) => {
      log.warn({ err: error, ref: vendor.ref }, 'a provider failed to say how a sandbox ended');
      end(checkEnd(null));
    },
  );

  const commands = createCommands(vendor, call, deadlines);
  /** Looked for in each sandbox: what is in one can be changed by its caller, and must say nothing of another. */
  let probed: Promise<Tools> | null = null;
  const tools = (): Promise<Tools> => {
    if (probed !== null) return probed;
    const probing = probeTools(commands);
    probed = probing;
    probing.catch(() => {
      probed = null;
    });
    return probing;
  };
  const shell = createShell(commands, capabilities, tools, unsupported);
  const onSandboxEnd = (listener: () => void): (() => void) => {
    if (isOver) listener();
    else listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const files = completeFiles({
    ...{ vendor: vendor.files, capabilities, call, shell, unsupported, onSandboxEnd },
  });
  const { spawn, attach, detach } = createSpawn({
    ...{ provider, handle: vendor, files, shell },
    context: {
      ...{ capabilities, call, deadlines, unsupported, log },
      async kill(pid, name) {
        const args = [name.replace(/^SIG/, ''), String(pid)];
        await shell.run('signals', `Process ${pid}`, ['kill'], 'kill -s "$1" "$2"', args);
      },
      hasSandboxEnded: () => isOver || isEnding,
      onSandboxEnd,
    },
  });
  const gone = (): AppError =>
    new AppError('UNAVAILABLE', 'The sandbox has ended. Ask for its state.', { retryable: false });

  return {
    ref: vendor.ref,
    ended: ended.promise,
    spawn: (spec) => (isOver ? Promise.reject(gone()) : spawn(spec)),
    attach,
    detach,
    files,
    ...completePorts({ vendor: vendor.ports ?? {}, capabilities, call, shell, unsupported }),
    async usage() {
      const { usage } = vendor;
      return checkUsage(usage ? await call.idempotent('usage', usage) : null, limits);
    },
    async extendTo(instant) {
      const { expiry } = vendor;
      if (capabilities.extend === 'server') return;
      if (!expiry || capabilities.extend === 'none')
        throw unsupported(
          'extend',
          'Its expiration is fixed when it is created: create it with a longer life',
        );
      await call.idempotent('extend', (signal) => expiry.extendTo(instant, signal));
    },
    async destroy() {
      isEnding = true;
      try {
        await call.idempotent('destroy', (signal) => vendor.destroy(signal));
      } finally {
        isEnding = false;
      }
      end({ reason: 'destroyed', message: 'Destroyed.' });
    },
  };
};
