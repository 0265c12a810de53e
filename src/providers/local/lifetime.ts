import type { Logger } from 'pino';
import type { SandboxEnd } from '../types/sandbox.ts';
import { isAlive } from './proc.ts';
import type { SupervisorState } from './state.ts';

const INTERVAL_MS = 500;

const DIED: SandboxEnd = {
  reason: 'died',
  message: 'The sandbox ended by itself: its supervisor was killed, or the host ran out of memory.',
};

/** The life of a sandbox, watched until it ends, by itself or because it is destroyed. */
export type Lifetime = {
  ended: Promise<SandboxEnd>;
  /** Cleans up once, however often it is called, and again when that failed. */
  end(how: SandboxEnd): Promise<void>;
  isEnding(): boolean;
  /** Watches no longer; the sandbox lives on. */
  detach(): void;
};

export const watchLifetime = (
  { id, pid, start, inner, innerStart }: SupervisorState,
  cleanUp: () => Promise<void>,
  log: Logger,
): Lifetime => {
  const ended = Promise.withResolvers<SandboxEnd>();
  let removal: Promise<void> | null = null;
  const end = (how: SandboxEnd): Promise<void> => {
    if (removal) return removal;
    const work = (async () => {
      clearInterval(timer);
      await cleanUp();
      ended.resolve(how);
    })();
    removal = work;
    // The next call tries again.
    work.catch(() => {
      removal = null;
    });
    return work;
  };
  const timer = setInterval(() => {
    // Outer bwrap ends with the supervisor; the inner one would live on as long as any other process does.
    if (isAlive(inner, innerStart) && isAlive(pid, start)) return;
    end(DIED).catch((error: unknown) => {
      log.error({ err: error, sandbox: id }, 'what is left of a sandbox stays on disk');
      ended.resolve(DIED);
    });
  }, INTERVAL_MS).unref();
  return {
    ended: ended.promise,
    end,
    isEnding: () => removal !== null,
    detach: () => clearInterval(timer),
  };
};
