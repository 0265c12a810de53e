import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { openCgroups } from '../../src/providers/local/cgroup.ts';
import { probeHost } from '../../src/providers/local/probe.ts';
import { openProcUsage } from '../../src/providers/local/proc-usage.ts';
import { openUids } from '../../src/providers/local/uids.ts';

const isRoot = process.getuid?.() === 0;
const dir = mkdtempSync(join(tmpdir(), 'sandbank-parts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('control groups', () => {
  const cgroups = openCgroups();
  const limits = { cpus: 1, memoryBytes: 64 * 2 ** 20, diskBytes: 2 ** 30, processes: 16 };
  /** Waits for a line before it runs, so that it can be put into its group first. */
  const start = (script: string): ChildProcess =>
    spawn('bash', ['-c', `read go; ${script}`], { stdio: ['pipe', 'pipe', 'ignore'] });

  it('gives the same kind however often it is asked', () => {
    expect(openCgroups()?.kind).toBe(cgroups?.kind);
  });

  it.skipIf(!cgroups)('kill what takes more memory, and tell the peak', async () => {
    const group = (cgroups as NonNullable<typeof cgroups>).open('parts-memory');
    group.setLimits(limits);
    const hog = start('exec python3 -c "b = bytearray(512 * 2**20)"');
    group.add(hog.pid as number);
    hog.stdin?.end('go\n');
    const [code, signal] = await once(hog, 'exit');
    expect([code, signal]).toEqual([null, 'SIGKILL']);
    expect(group.usage().peakMemoryBytes).toBeGreaterThan(limits.memoryBytes);
    expect(group.usage().cpuSeconds).toBeGreaterThan(0);
    await group.remove();
    expect(existsSync('/sys/fs/cgroup/memory/sandbank/parts-memory')).toBe(false);
  });

  it.skipIf(!cgroups)('stop what forks without end', async () => {
    const group = (cgroups as NonNullable<typeof cgroups>).open('parts-pids');
    group.setLimits(limits);
    const bomb = start(`exec python3 -c '
import subprocess
made = []
try:
    for _ in range(200): made.append(subprocess.Popen(["sleep", "60"]))
except OSError: pass
print(len(made), flush=True)
for one in made: one.kill()'`);
    group.add(bomb.pid as number);
    bomb.stdin?.end('go\n');
    const made = Number(await text(bomb.stdout as NodeJS.ReadableStream));
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(60);
    await group.remove();
  });

  it('are replaced by a look at /proc where none can be written', async () => {
    const child = spawn(
      'bwrap',
      [
        '--unshare-pid',
        '--dev-bind',
        '/',
        '/',
        'bash',
        '-c',
        'python3 -c "b = bytearray(64 * 2**20); sum(range(5_000_000)); print(1, flush=True); input()"; true',
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    const usage = openProcUsage(await firstInside(child.pid as number));
    const measured = usage();
    expect(measured.processes).toBeGreaterThanOrEqual(3);
    expect(measured.memoryBytes).toBeGreaterThan(64 * 2 ** 20);
    expect(measured.cpuSeconds).toBeGreaterThan(0);
    child.stdin?.end('\n');
    await once(child, 'exit');
    // bwrap ends a moment before what it was the parent of.
    await vi.waitFor(() => expect(usage().processes).toBe(0), { timeout: 10_000 });
    const after = usage();
    expect([after.memoryBytes, after.peakMemoryBytes]).toEqual([0, measured.peakMemoryBytes]);
    expect(after.cpuSeconds).toBeGreaterThanOrEqual(measured.cpuSeconds);
  });
});

const firstInside = async (outer: number): Promise<number> =>
  Number(
    (await text(spawn('pgrep', ['-P', String(outer)]).stdout as NodeJS.ReadableStream)).trim(),
  );

describe.skipIf(!isRoot)('user ids', () => {
  const claims = join(dir, 'claims');
  const owner = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  };

  it('are never taken twice, not by two servers either, and never 0', () => {
    const pools = [openUids({ claims }), openUids({ claims })];
    const taken = Array.from({ length: 200 }, (_, index) => pools[index % 2]?.take(owner('both')));
    expect(new Set(taken).size).toBe(200);
    expect(Math.min(...taken.map(Number))).toBeGreaterThanOrEqual(200_000);
  });

  it('come back only from the one who has them', () => {
    const pool = openUids({ claims });
    const uid = pool.take(owner('first'));
    pool.give(uid, owner('second'));
    expect(existsSync(join(claims, String(uid)))).toBe(true);
    pool.give(uid, owner('first'));
    expect(existsSync(join(claims, String(uid)))).toBe(false);
  });

  it('are claimed anew for a sandbox that outlived the claims', () => {
    const pool = openUids({ claims });
    pool.adopt(212_345, owner('kept'));
    pool.adopt(212_345, owner('other'));
    pool.give(212_345, owner('other'));
    expect(existsSync(join(claims, '212345'))).toBe(true);
  });

  it('are the server’s own where it is not root', () => {
    expect(openUids({ own: 1_234, claims }).take('x')).toBe(1_234);
  });
});

describe('the probe of the host', () => {
  it('says for each means what it is, and how to mend what fails', async () => {
    const { ok, checks } = await probeHost();
    expect(ok).toBe(checks.every(({ status }) => status !== 'failed'));
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['platform', 'bubblewrap', 'isolation', 'users', 'limits', 'network']),
    );
    for (const { name, status, detail, remedy } of checks) {
      expect(detail, name).not.toBe('');
      if (status !== 'ok') expect(remedy, name).toMatch(/\w/);
    }
  });
});
