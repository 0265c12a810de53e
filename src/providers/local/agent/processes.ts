import { fail } from './fail.ts';
import { killTree } from './kill-tree.ts';
import { createManaged, kill, type ManagedProcess, type Send, start } from './managed-process.ts';
import { openCpuMeter } from './measure.ts';
import { openPipes } from './pipes.ts';
import type { Head } from './protocol.ts';
import type { Started } from './start.ts';

type Table = Map<string, ManagedProcess>;

const find = (table: Table, head: Head): ManagedProcess => {
  const managed = table.get(String(head.p));
  if (!managed) throw fail('ENOENT', `no process ${String(head.p)}`);
  return managed;
};

const findRunning = (table: Table, head: Head): { managed: ManagedProcess; started: Started } => {
  const managed = find(table, head);
  if (managed.exited || !managed.started) throw fail('ESRCH', 'the process has ended');
  return { managed, started: managed.started };
};

/** The processes of the sandbox by the server's ids, and the requests about them. */
export const openProcesses = (send: Send) => {
  const table: Table = new Map();
  const context = { pipes: openPipes(), takeCpuSeconds: openCpuMeter() };

  /** A second spawn with the same id attaches to the first. */
  const spawn = async (head: Head): Promise<{ pid: number | null }> => {
    const id = String(head.p);
    const known = table.get(id);
    if (known) {
      known.output.attach(0);
      return { pid: known.pid };
    }
    const managed = createManaged(id, send);
    table.set(id, managed);
    managed.output.attach(0);
    try {
      await start(managed, head, context);
    } catch (error) {
      table.delete(id);
      throw error;
    }
    return { pid: managed.pid };
  };

  return {
    acknowledge: (id: string, n: number): void => table.get(id)?.output.acknowledge(n),
    detach: (): void => {
      for (const { output } of table.values()) output.detach();
    },
    operations: {
      spawn,
      attach: (head: Head) => {
        const { output, pid } = find(table, head);
        output.attach(Number(head.after));
        return { pid };
      },
      stdin: async (head: Head, body: Buffer) => {
        await findRunning(table, head).started.write(Buffer.from(body));
        return {};
      },
      closeStdin: (head: Head) => {
        findRunning(table, head).started.closeStdin();
        return {};
      },
      resize: (head: Head) => {
        findRunning(table, head).started.resize(Number(head.cols), Number(head.rows));
        return {};
      },
      signal: (head: Head) => {
        const { managed } = findRunning(table, head);
        if (managed.pid === null) throw fail('ESRCH', 'the process has ended');
        if (head.name === 'SIGKILL') kill(managed);
        else process.kill(-managed.pid, head.name as NodeJS.Signals);
        return {};
      },
      release: (head: Head) => {
        const id = String(head.p);
        if (table.get(id)?.exited) table.delete(id);
        return {};
      },
      killAll: () => {
        for (const { id, pid, exited } of table.values()) if (!exited) killTree(pid, id);
        return {};
      },
    },
  };
};
