import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSealer } from '../../src/lib/sealed.ts';
import { createSqliteStore } from '../../src/store/sqlite.ts';
import { sandbox } from '../conformance/rows.ts';

const isRoot = process.getuid?.() === 0;
const sealer = createSealer('a secret of these tests');
const created = { event: { kind: 'sandbox-created', at: 1 } } as const;

const openFolder = async (sizeKiB?: number): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'sandbank-trouble-'));
  if (sizeKiB !== undefined)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKiB}k`, 'none', dir]);
  onTestFinished(async () => {
    if (sizeKiB !== undefined) execFileSync('umount', [dir]);
    await rm(dir, { recursive: true, force: true });
  });
  return dir;
};
const openStore = async (dir: string) => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const file = join(dir, 'db');
  const store = await createSqliteStore({ file, sealer, log });
  onTestFinished(() => store.dispose());
  return { store, file, lines };
};

describe('a SQLite file that others lock', () => {
  it('is waited for without holding up the event loop, then refused as UNAVAILABLE, and works again by itself', async () => {
    const { store, file, lines } = await openStore(await openFolder());
    const other = new DatabaseSync(file);
    onTestFinished(() => other.close());
    other.exec('begin immediate');
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const writes = Array.from({ length: 20 }, () => store.sandboxes.insert(sandbox(), created));
    const results = await Promise.allSettled(writes);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
    for (const result of results)
      expect(result).toMatchObject({
        reason: { code: 'UNAVAILABLE', retryable: true, message: expect.stringMatching(/busy/) },
      });
    // One line for all of them.
    expect(lines).toMatchObject([{ trouble: 'busy', code: 5 }]);
    // What only reads goes on.
    expect(await store.sandboxes.count('acme', {})).toBe(0);
    await store.ping();
    other.exec('commit');
    expect(await store.sandboxes.insert(sandbox(), created)).toBeNull();
    expect(await store.sandboxEvents.range('acme')).toEqual({ first: 1, last: 1 });
  });

  it('is waited for when it is free soon', async () => {
    const { store, file } = await openStore(await openFolder());
    const other = new DatabaseSync(file);
    onTestFinished(() => other.close());
    other.exec('begin immediate');
    setTimeout(() => other.exec('commit'), 300);
    expect(await store.sandboxes.insert(sandbox(), created)).toBeNull();
  });
});

describe('a SQLite file on a full disk', () => {
  it.runIf(isRoot)(
    'says NO_SPACE, retryable, in writes and in readiness; what was not acknowledged is not there; it works again when there is room',
    async () => {
      const dir = await openFolder(4_096);
      const { store } = await openStore(dir);
      const labels = Object.fromEntries(
        Array.from({ length: 16 }, (_, index) => [`key-${index}`, 'x'.repeat(1_000)]),
      );
      await writeFile(join(dir, 'ballast'), Buffer.alloc(2 ** 20));
      const kept: string[] = [];
      let failure: unknown = null;
      while (failure === null && kept.length < 10_000) {
        const row = sandbox({ labels });
        await store.sandboxes.insert(row, created).then(
          () => kept.push(row.id),
          (error: unknown) => {
            failure = error;
          },
        );
      }
      expect(failure).toMatchObject({ code: 'NO_SPACE', retryable: true });
      await expect(store.ping()).rejects.toMatchObject({ code: 'NO_SPACE', retryable: true });
      expect(await store.sandboxes.count('acme', {})).toBe(kept.length);
      expect(await store.sandboxEvents.range('acme')).toEqual({ first: 1, last: kept.length });
      await rm(join(dir, 'ballast'));
      const ready = () => store.ping().then(() => 'ready', String);
      await expect.poll(ready, { timeout: 20_000, interval: 500 }).toBe('ready');
      expect(await store.sandboxes.insert(sandbox({ labels }), created)).toBeNull();
      expect(await store.sandboxEvents.range('acme')).toMatchObject({ last: kept.length + 1 });
    },
  );
});
