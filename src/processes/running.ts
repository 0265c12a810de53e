import { newId } from '../lib/ids.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Process } from '../store/types/process.ts';
import { collectOutput } from './collect.ts';
import { codeRuntimes, installCommand } from './commands.ts';
import type { ProcessFinder } from './find.ts';
import type { createLauncher } from './launch.ts';
import type { ProcessService } from './operations.ts';

type Running = Pick<ProcessService, 'start' | 'exec' | 'runCode' | 'installPackages'>;

const MAX_INLINE_CODE = 96 * 1024;

/** What starts a process. */
export const createRunning = ({
  sandboxes,
  launch,
  finder: { find },
  execOutputBytes,
}: {
  sandboxes: SandboxAccess;
  launch: ReturnType<typeof createLauncher>;
  finder: ProcessFinder;
  /** Most that exec returns of each stream, in bytes. */
  execOutputBytes: number;
}): Running => {
  const running: Running = {
    start(principal, { idempotencyKey, ...options }) {
      const make = async (claim: (id: string) => Promise<void>): Promise<Process> => {
        const { row, marked } = await launch(principal, options, { claim });
        await marked;
        return row;
      };
      return sandboxes.runOnce(
        {
          tenant: principal.tenant,
          subject: principal.subject,
          operation: options.pty ? 'createTerminal' : 'startProcess',
          key: idempotencyKey,
          parameters: options,
        },
        make,
        (id) => find(principal, id, 'read'),
      );
    },
    async exec(principal, { stdin, outputBytes, purpose = 'exec', ...options }) {
      const collected = collectOutput(Math.min(outputBytes ?? execOutputBytes, execOutputBytes));
      const input = stdin ? Buffer.from(stdin) : undefined;
      const { done } = await launch(
        principal,
        { ...options, purpose },
        { stdin: input !== undefined, input, listener: collected, isShort: true },
      );
      return { process: await done, ...collected.take() };
    },
    async runCode(principal, { runtime, code, ...options }) {
      const { program, flag, extension } = codeRuntimes[runtime];
      if (Buffer.byteLength(code) <= MAX_INLINE_CODE)
        return running.exec(principal, {
          ...options,
          purpose: 'code',
          argv: [program, flag, code],
        });
      const { handle } = await sandboxes.open(principal, options.sandboxId, 'write');
      const path = `/tmp/${newId('prc')}.${extension}`;
      await handle.files.write(path, [Buffer.from(code)]);
      try {
        return await running.exec(principal, {
          ...options,
          purpose: 'code',
          argv: [program, path],
        });
      } finally {
        await handle.files.remove(path, { recursive: false }).catch(() => undefined);
      }
    },
    async installPackages(principal, { sandboxId, manager, packages, cwd }) {
      return (
        await running.start(principal, {
          sandboxId,
          purpose: 'packages',
          argv: installCommand(manager, packages),
          ...(cwd === undefined ? {} : { cwd }),
        })
      ).row;
    },
  };
  return running;
};
