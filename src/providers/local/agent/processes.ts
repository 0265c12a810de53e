import { killTree } from './kill-tree.ts';
import { childrenCpuSeconds, peakMemory } from './measure.ts';
import { type Output, openOutput } from './output.ts';
import { openPipes } from './pipes.ts';
import type { Head } from './protocol.ts';
import { type Started, startPipes, startPty } from './start.ts';

type Send = (head: Head, body?: Uint8Array) => boolean;
type Entry = {
  started: Started | null;
  pid: number | null;
  output: Output;
  exited: boolean;
  timedOut: boolean;
};

const FIRST_SAMPLE_MS = 20;
const SAMPLE_MS = 250;

const fail = (code: string, message: string): Error => Object.assign(new Error(message), { code });

export const openProcesses = (send: Send) => {
  const entries = new Map<string, Entry>();
  const pipes = openPipes();
  let cpuSeen = childrenCpuSeconds();

  const find = (head: Head): Entry => {
    const entry = entries.get(String(head.p));
    if (!entry) throw fail('ENOENT', `no process ${String(head.p)}`);
    return entry;
  };
  const living = (head: Head): { entry: Entry; started: Started } => {
    const entry = find(head);
    if (entry.exited || !entry.started) throw fail('ESRCH', 'the process has ended');
    return { entry, started: entry.started };
  };

  const spawn = async (head: Head) => {
    const id = String(head.p);
    const known = entries.get(id);
    if (known) {
      known.output.attach(0);
      return { pid: known.pid };
    }
    const output = openOutput(
      (chunk, body) => send({ t: 'out', p: id, ...chunk }, body),
      (paused) => {
        if (paused) entry.started?.pause();
        else entry.started?.resume();
      },
    );
    const entry: Entry = { started: null, pid: null, output, exited: false, timedOut: false };
    entries.set(id, entry);
    output.attach(0);
    let timer: NodeJS.Timeout | null = null;
    let memory: number | null = null;
    const sample = (): void => {
      const peak = entry.pid && peakMemory(entry.pid);
      if (peak) memory = Math.max(memory ?? 0, peak);
    };
    // Not at once: until the program is loaded, it is our own memory that shows.
    const first = setTimeout(sample, FIRST_SAMPLE_MS);
    const sampler = setInterval(sample, SAMPLE_MS);
    const onExit = (code: number | null, signal: string | null): void => {
      if (entry.exited) return;
      entry.exited = true;
      if (timer) clearTimeout(timer);
      clearTimeout(first);
      clearInterval(sampler);
      // The kernel adds a child's time to ours when it is reaped: the growth since the last reaping is this child's.
      const cpu = childrenCpuSeconds();
      const cpuSeconds = Math.max(0, cpu - cpuSeen);
      cpuSeen = cpu;
      const kind = entry.timedOut ? 'TIMED_OUT' : signal ? 'SIGNALED' : 'EXITED';
      output.end({
        kind,
        exitCode: kind === 'EXITED' ? code : null,
        signal: kind === 'EXITED' ? null : (signal ?? 'SIGKILL'),
        cpuSeconds,
        maxMemoryBytes: memory,
      });
    };
    try {
      const options = {
        argv: head.argv as [string, ...string[]],
        cwd: String(head.cwd ?? '/home/user'),
        env: { ...(head.env as Record<string, string>), SANDBANK_PROCESS_ID: id },
      };
      const pty = head.pty as { cols: number; rows: number } | undefined;
      entry.started = pty
        ? await startPty({ ...options, pty }, output.push, onExit)
        : await startPipes({ ...options, stdin: head.stdin !== false }, pipes, output.push, onExit);
    } catch (error) {
      entries.delete(id);
      clearTimeout(first);
      clearInterval(sampler);
      throw error;
    }
    entry.pid = entry.started.pid;
    if (typeof head.timeoutMs === 'number' && !entry.exited) {
      timer = setTimeout(() => {
        entry.timedOut = true;
        killTree(entry.pid, id);
        entry.started?.abandon();
      }, head.timeoutMs);
    }
    return { pid: entry.pid };
  };

  return {
    acknowledge: (id: string, n: number): void => entries.get(id)?.output.acknowledge(n),
    detach: (): void => {
      for (const entry of entries.values()) entry.output.detach();
    },
    resume: (): void => undefined,
    operations: {
      spawn,
      attach: (head: Head) => {
        const entry = find(head);
        entry.output.attach(Number(head.after));
        return { pid: entry.pid };
      },
      stdin: async (head: Head, body: Buffer) => {
        const { started } = living(head);
        await started.write(Buffer.from(body));
        return {};
      },
      closeStdin: (head: Head) => {
        living(head).started.closeStdin();
        return {};
      },
      resize: (head: Head) => {
        const { started } = living(head);
        started.resize(Number(head.cols), Number(head.rows));
        return {};
      },
      signal: (head: Head) => {
        const { entry, started } = living(head);
        if (entry.pid === null) throw fail('ESRCH', 'the process has ended');
        if (head.name === 'SIGKILL') {
          killTree(entry.pid, String(head.p));
          started.abandon();
        } else process.kill(-entry.pid, head.name as NodeJS.Signals);
        return {};
      },
      release: (head: Head) => {
        const id = String(head.p);
        if (entries.get(id)?.exited) entries.delete(id);
        return {};
      },
      killAll: () => {
        for (const [id, entry] of entries) if (!entry.exited) killTree(entry.pid, id);
        return {};
      },
    },
  };
};
