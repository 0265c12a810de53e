import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Benched, bytesOf, collect, completed, itEither, refusal, spec } from './subject.ts';

const repeated = (size: number): Buffer =>
  Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, value) => value)));
const write = (benched: Benched, path: string, text: string, options = {}) =>
  benched().handle.files.write(path, [Buffer.from(text)], options);
const read = async (benched: Benched, path: string): Promise<string> =>
  String(await bytesOf(benched().handle.files.read(path)));

const testContent = (benched: Benched): void => {
  it('round-trips files byte by byte, with their permissions', async () => {
    const { files } = benched().handle;
    const content = repeated(3 * 2 ** 20);
    const stat = await files.write('deep/er/file.bin', [content], { permissions: 0o640 });
    expect(stat).toMatchObject({
      path: '/home/user/deep/er/file.bin',
      size: content.length,
      mode: 0o640,
      type: 'file',
    });
    expect((await bytesOf(files.read('deep/er/file.bin'))).equals(content)).toBe(true);
    expect(
      (await bytesOf(files.read('deep/er/file.bin', { offset: 5, length: 10 }))).equals(
        content.subarray(5, 15),
      ),
    ).toBe(true);
    expect(
      (await bytesOf(files.read('deep/er/file.bin', { offset: content.length + 1 }))).length,
    ).toBe(0);
    expect(await files.sha256('deep/er/file.bin')).toBe(
      createHash('sha256').update(content).digest('hex'),
    );
  });

  it('keeps an empty file, and the permissions of one that is replaced', async () => {
    const { files } = benched().handle;
    expect(await files.write('empty', [])).toMatchObject({ size: 0, type: 'file' });
    expect((await bytesOf(files.read('empty'))).length).toBe(0);
    await write(benched, 'empty', 'one', { permissions: 0o600 });
    expect(await write(benched, 'empty', 'two')).toMatchObject({ mode: 0o600, size: 3 });
  });

  it('appends, and reads what a process wrote', async () => {
    await write(benched, 'note', 'a');
    await write(benched, 'note', 'b', { mode: 'append' });
    await collect(benched().handle, ['bash', '-c', 'printf c >> note']);
    expect(await read(benched, 'note')).toBe('abc');
  });

  it('creates and matches only as it was told, or refuses where its writes are not atomic', async () => {
    const { provider, handle } = benched();
    const { files } = handle;
    await write(benched, 'match', 'ab');
    const created = write(benched, 'match', 'b', { mode: 'create' });
    const matched = write(benched, 'match', 'c', { ifMatch: '0'.repeat(64) });
    const results = await Promise.allSettled([created, matched]);
    const [first, second] = results.map((result) => 'reason' in result && result.reason);
    if (first?.code === 'UNSUPPORTED') {
      expect(first).toMatchObject(refusal('files.create', provider.name));
      expect(second).toMatchObject(refusal('files.ifMatch', provider.name));
      expect(await read(benched, 'match')).toBe('ab');
      return;
    }
    expect([first.code, second.code]).toEqual(['ALREADY_EXISTS', 'PRECONDITION_FAILED']);
    await write(benched, 'match', 'c', { ifMatch: await files.sha256('match') });
    expect(await read(benched, 'match')).toBe('c');
  });

  it('leaves the old file when an upload breaks off', async () => {
    const { files } = benched().handle;
    await write(benched, 'kept', 'old');
    const broken = (async function* () {
      yield Buffer.from('half');
      throw new Error('the client left');
    })();
    await expect(files.write('kept', broken)).rejects.toThrow('the client left');
    expect(await read(benched, 'kept')).toBe('old');
    const { entries } = await files.list('.', { recursive: false, limit: 100 });
    expect(entries.filter(({ path }) => /\.(part|text)$/.test(path))).toEqual([]);
  });
};

const testTrees = (benched: Benched): void => {
  it('lists, makes, moves, copies and removes, and says why not', async () => {
    const { files } = benched().handle;
    await files.makeDirectory('tree', { recursive: false });
    await expect(files.makeDirectory('tree', { recursive: false })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    expect(await files.makeDirectory('tree', { recursive: true })).toMatchObject({
      type: 'directory',
    });
    await files.write('tree/a', [Buffer.from('1')]);
    await files.copy('tree', 'copy', { overwrite: false });
    await expect(files.move('tree', 'copy', { overwrite: false })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    await expect(files.copy('tree/a', 'copy/a', { overwrite: false })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    await files.move('tree/a', 'tree/b', { overwrite: false });
    expect(await files.copy('tree/b', 'copy/a', { overwrite: true })).toMatchObject({ size: 1 });
    const { entries } = await files.list('tree', { recursive: true, limit: 10 });
    expect(entries.map(({ path }) => path)).toEqual(['/home/user/tree/b']);
    await expect(files.remove('tree', { recursive: false })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await files.remove('tree', { recursive: true });
    await expect(files.remove('tree', { recursive: true })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await files.stat('tree')).toBeNull();
    await expect(bytesOf(files.read('tree'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(bytesOf(files.read('copy'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(files.list('nowhere', { recursive: false, limit: 1 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(files.move('nowhere', 'else', { overwrite: true })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('lists every kind of entry, cut at the limit', async () => {
    const { handle } = benched();
    const script =
      "mkdir -p kinds/sub; cd kinds; printf 12345 > 'a b'; chmod 604 'a b'; ln -s 'a b' link; mkfifo pipe; printf 1 > sub/$'new\\nline'";
    await collect(handle, ['bash', '-c', script]);
    const { entries, truncated } = await handle.files.list('kinds', { recursive: true, limit: 50 });
    expect(truncated).toBe(false);
    expect(
      entries.map(({ path, type, symlinkTarget }) => [path, type, symlinkTarget]).sort(),
    ).toEqual([
      ['/home/user/kinds/a b', 'file', null],
      ['/home/user/kinds/link', 'symlink', 'a b'],
      ['/home/user/kinds/pipe', 'other', null],
      ['/home/user/kinds/sub', 'directory', null],
      ['/home/user/kinds/sub/new\nline', 'file', null],
    ]);
    const file = entries.find(({ path }) => path.endsWith('a b'));
    expect(file).toMatchObject({ size: 5, mode: 0o604 });
    expect(Math.abs((file?.modifiedAt ?? 0) - Date.now())).toBeLessThan(600_000);
    const cut = await handle.files.list('kinds', { recursive: false, limit: 2 });
    expect([cut.entries.length, cut.truncated]).toEqual([2, true]);
    expect(await handle.files.stat('kinds/link')).toMatchObject({
      type: 'symlink',
      symlinkTarget: 'a b',
    });
  });

  it.each(['', 'a\0b', 'x'.repeat(5_000), '\ud800'])('refuses the path %j', async (path) => {
    await expect(benched().handle.files.stat(path)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
};

const testWatches = (benched: Benched): void => {
  itEither(
    'tells of changes below a directory, or refuses to watch',
    benched,
    ({ capabilities }) => capabilities.watch === 'native',
    async () => {
      const { handle } = benched();
      await handle.files.makeDirectory('watched', { recursive: true });
      const stop = new AbortController();
      const changes = await handle.files.watch('watched', { recursive: true, signal: stop.signal });
      await handle.files.write('watched/new', [Buffer.from('x')]);
      const seen: string[] = [];
      for await (const { kind, path } of changes) {
        seen.push(`${kind} ${path}`);
        if (path === '/home/user/watched/new' && kind === 'created')
          await handle.files.remove('watched/new', { recursive: false });
        if (kind === 'deleted' && path === '/home/user/watched/new') stop.abort();
      }
      expect(seen).toContain('created /home/user/watched/new');
    },
    async () => {
      const { provider, handle } = benched();
      const { signal } = new AbortController();
      await expect(handle.files.watch('.', { recursive: true, signal })).rejects.toMatchObject(
        refusal('watch', provider.name),
      );
    },
  );
};

const testForeignPaths = (benched: Benched): void => {
  it('are found in every sandbox, whatever PATH the first one was given', async () => {
    const { vendor, deployment } = benched();
    // One that has looked at no sandbox yet.
    const provider = completed(await vendor.open(deployment), deployment);
    const first = await provider.create(spec({ env: { PATH: '/nowhere' } }));
    const second = await provider.create(spec());
    for (const { files } of [first, second]) {
      await files.write('tool', [Buffer.from('x')]);
      await files.copy('tool', 'copied', { overwrite: false });
      const { entries } = await files.list('.', { recursive: false, limit: 50 });
      const paths = entries.map(({ path }) => path);
      expect(paths).toEqual(expect.arrayContaining(['/home/user/copied', '/home/user/tool']));
    }
    const limited = await collect(first, ['/bin/sleep', '300'], {
      input: Buffer.from('x'),
      timeoutMs: 300,
    });
    expect(limited.exit).toMatchObject({ reason: 'TIMED_OUT' });
    await Promise.all([first.destroy(), second.destroy()]);
    await provider.dispose();
  });
};

export const testFiles = (benched: Benched): void => {
  describe('files', () => {
    testContent(benched);
    testTrees(benched);
    testWatches(benched);
    testForeignPaths(benched);
  });
};
