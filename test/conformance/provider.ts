import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Provider, SandboxHandle, SpawnSpec } from '../../src/providers/provider.ts';

export type ProviderSubject = {
  name: string;
  open(): Promise<{ provider: Provider; close(): Promise<void> }>;
};

export const spec = () => ({
  id: newId('sbx'),
  template: 'default',
  env: { GREETING: 'hello' },
  limits: { cpus: 1, memoryBytes: 256 * 2 ** 20, diskBytes: 64 * 2 ** 20, processes: 100 },
  network: { mode: 'none' as const, allow: [] },
});

export const collect = async (
  handle: SandboxHandle,
  argv: readonly [string, ...string[]],
  extra: Partial<SpawnSpec> = {},
) => {
  const process = await handle.spawn({ id: newId('prc'), argv, env: {}, ...extra });
  const output: Record<string, Buffer[]> = { stdout: [], stderr: [], pty: [] };
  for await (const chunk of process.output)
    if (chunk.kind === 'output') output[chunk.stream]?.push(Buffer.from(chunk.bytes));
  const exit = await process.exit;
  await process.release();
  const join = (stream: string): Buffer => Buffer.concat(output[stream] ?? []);
  return { exit, stdout: join('stdout'), stderr: join('stderr'), pty: join('pty') };
};

export const bytesOf = async (parts: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
};

/** What every provider owes; `capabilities` decides which half of a pair runs, and absence must be refused. */
export const testProvider = ({ name, open }: ProviderSubject): void => {
  describe(`provider ${name}`, () => {
    let provider: Provider;
    let close: () => Promise<void>;
    let handle: SandboxHandle;
    beforeAll(async () => {
      ({ provider, close } = await open());
      handle = await provider.create(spec());
    });
    afterAll(async () => {
      await handle?.destroy();
      await close?.();
    });

    it('is healthy and lists what it made under the id it was given', async () => {
      expect((await provider.health()).status).toBe('healthy');
      const one = spec();
      const made = await provider.create(one);
      expect(await provider.list()).toContainEqual({ ref: made.ref, id: one.id });
      await made.destroy();
      expect(await provider.list()).not.toContainEqual({ ref: made.ref, id: one.id });
    });

    it('keeps stdout and stderr apart and never throws for an exit code', async () => {
      const { exit, stdout, stderr } = await collect(handle, [
        'bash',
        '-c',
        'echo out; echo err >&2; exit 7',
      ]);
      expect([String(stdout), String(stderr), exit.kind, exit.exitCode]).toEqual([
        'out\n',
        'err\n',
        'EXITED',
        7,
      ]);
    });

    it('gives the environment of the sandbox and of the process, and no other', async () => {
      const { stdout } = await collect(handle, ['env'], { env: { OWN: 'mine' } });
      const names = String(stdout)
        .split('\n')
        .map((line) => line.split('=')[0]);
      expect(String(stdout)).toContain('GREETING=hello');
      expect(names).toContain('OWN');
      expect(
        names.filter((variable) => /SECRET|TOKEN|SANDBANK_JWT|npm_/.test(variable ?? '')),
      ).toEqual([]);
    });

    it('returns every byte value, in order, more than a mebibyte of them', async () => {
      const { stdout } = await collect(handle, [
        'python3',
        '-c',
        'import sys; sys.stdout.buffer.write(bytes(range(256)) * 8192)',
      ]);
      const expected = Buffer.alloc(
        256 * 8192,
        Buffer.from(Array.from({ length: 256 }, (_, value) => value)),
      );
      expect(stdout.equals(expected)).toBe(true);
    });

    it('says 127 for a program that is not there, and refuses a working directory that is not', async () => {
      expect((await collect(handle, ['no-such-program'])).exit.exitCode).toBe(127);
      await expect(
        handle.spawn({ id: newId('prc'), argv: ['true'], env: {}, cwd: '/nowhere' }),
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    it('ends a process at its time with everything it started, also what left its group', async () => {
      const { exit } = await collect(handle, ['bash', '-c', 'setsid sleep 300 & sleep 300'], {
        timeoutMs: 300,
      });
      expect(exit.kind).toBe('TIMED_OUT');
      expect(
        String((await collect(handle, ['bash', '-c', 'pgrep -x sleep || echo none'])).stdout),
      ).toBe('none\n');
    });

    it('signals a group and tells which signal ended it', async () => {
      const process = await handle.spawn({
        id: newId('prc'),
        argv: ['bash', '-c', 'sleep 300'],
        env: {},
      });
      await process.signal('SIGTERM');
      for await (const _ of process.output);
      expect(await process.exit).toMatchObject({
        kind: 'SIGNALED',
        signal: 'SIGTERM',
        exitCode: null,
      });
      await expect(process.signal('SIGTERM')).rejects.toMatchObject({ code: 'TERMINATED' });
      await process.release();
    });

    it('feeds stdin, closes it, and refuses to write to what is closed', async () => {
      const process = await handle.spawn({ id: newId('prc'), argv: ['cat'], env: {} });
      await process.write(Buffer.from('one '));
      await process.write(Buffer.from('two'));
      await process.closeStdin();
      await expect(process.write(Buffer.from('three'))).rejects.toMatchObject({
        code: expect.stringMatching(/CONFLICT|TERMINATED/),
      });
      const parts: Buffer[] = [];
      for await (const chunk of process.output)
        if (chunk.kind === 'output') parts.push(Buffer.from(chunk.bytes));
      expect(String(Buffer.concat(parts))).toBe('one two');
    });

    it('has output streams that can be opened again by name', async () => {
      const script = 'echo to-out > /dev/stdout; echo to-err > /dev/stderr';
      const { stdout, stderr } = await collect(handle, ['bash', '-c', script]);
      expect([String(stdout), String(stderr)]).toEqual(['to-out\n', 'to-err\n']);
    });

    it('gives an empty stdin to who asks for none', async () => {
      const { stdout, exit } = await collect(handle, ['wc', '-c'], { stdin: false });
      expect([String(stdout), exit.exitCode]).toEqual(['0\n', 0]);
    });

    it('keeps all that was written by a process that ended while nobody read', async () => {
      // Up to where any provider holds a process back, and a little beyond, so that the last bytes wait in its pipe.
      const sizes = Array.from({ length: 9 }, (_, index) => 8 * 2 ** 20 - 65_536 + index * 16_384);
      await Promise.all(
        sizes.map(async (size) => {
          const process = await handle.spawn({
            id: newId('prc'),
            argv: ['head', '-c', String(size), '/dev/zero'],
            env: {},
          });
          await new Promise((resolve) => setTimeout(resolve, 1_500));
          let received = 0;
          for await (const chunk of process.output)
            if (chunk.kind === 'output') received += chunk.bytes.length;
          expect(received).toBe(size);
          expect((await process.exit).exitCode).toBe(0);
        }),
      );
    });

    it('runs a process id once, whoever asks again', async () => {
      const id = newId('prc');
      const argv = ['bash', '-c', 'echo x >> once; sleep 1'] as const;
      await handle.spawn({ id, argv, env: {} });
      const again = await handle.spawn({ id, argv, env: {} });
      for await (const _ of again.output);
      expect(String(await bytesOf(handle.files.read('once')))).toBe('x\n');
    });

    it('runs 20 processes at once without mixing their output', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          collect(handle, ['bash', '-c', `for i in {1..50}; do echo ${index}; done`]),
        ),
      );
      results.forEach(({ stdout }, index) => {
        expect(String(stdout)).toBe(`${index}\n`.repeat(50));
      });
    });

    it('shares files, processes and ports between the processes of a sandbox', async () => {
      await collect(handle, ['bash', '-c', 'echo shared > /tmp/note']);
      expect(String((await collect(handle, ['cat', '/tmp/note'])).stdout)).toBe('shared\n');
    });

    it('gives a real terminal that can be resized', async (test) => {
      if (provider.capabilities.pty === 'none') return test.skip('no terminals');
      const process = await handle.spawn({
        id: newId('prc'),
        argv: ['bash', '-c', 'tty; stty size; read line; stty size'],
        env: {},
        pty: { cols: 90, rows: 30 },
      });
      let text = '';
      let resized = false;
      for await (const chunk of process.output) {
        if (chunk.kind === 'output') text += Buffer.from(chunk.bytes);
        if (text.includes('30 90') && !resized) {
          resized = true;
          await process.resize({ cols: 132, rows: 43 });
          await process.write(Buffer.from('\r'));
        }
      }
      expect(text).toMatch(/\/dev\/pts\/\d+\r\n30 90\r\n[\s\S]*43 132/);
    });

    it('round-trips files byte by byte, with their permissions', async () => {
      const content = Buffer.alloc(
        3 * 2 ** 20,
        Buffer.from(Array.from({ length: 251 }, (_, value) => value)),
      );
      const stat = await handle.files.write('deep/er/file.bin', [content], { permissions: 0o640 });
      expect(stat).toMatchObject({
        path: '/home/user/deep/er/file.bin',
        size: content.length,
        mode: 0o640,
        type: 'file',
      });
      expect((await bytesOf(handle.files.read('deep/er/file.bin'))).equals(content)).toBe(true);
      expect(
        (await bytesOf(handle.files.read('deep/er/file.bin', { offset: 5, length: 10 }))).equals(
          content.subarray(5, 15),
        ),
      ).toBe(true);
      expect(
        (await bytesOf(handle.files.read('deep/er/file.bin', { offset: content.length + 1 })))
          .length,
      ).toBe(0);
    });

    it('creates, appends and matches only as it was told', async () => {
      await handle.files.write('note', [Buffer.from('a')]);
      await expect(
        handle.files.write('note', [Buffer.from('b')], { mode: 'create' }),
      ).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
      await handle.files.write('note', [Buffer.from('b')], { mode: 'append' });
      expect(String(await bytesOf(handle.files.read('note')))).toBe('ab');
      await expect(
        handle.files.write('note', [Buffer.from('c')], { ifMatch: '0'.repeat(64) }),
      ).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
      await handle.files.write('note', [Buffer.from('c')], {
        ifMatch: await handle.files.sha256('note'),
      });
      expect(String(await bytesOf(handle.files.read('note')))).toBe('c');
    });

    it('leaves the old file when an upload breaks off', async () => {
      await handle.files.write('kept', [Buffer.from('old')]);
      const broken = (async function* () {
        yield Buffer.from('half');
        throw new Error('the client left');
      })();
      await expect(handle.files.write('kept', broken)).rejects.toThrow('the client left');
      expect(String(await bytesOf(handle.files.read('kept')))).toBe('old');
      const names = (await handle.files.list('.', { recursive: false, limit: 100 })).entries.map(
        ({ path }) => path,
      );
      expect(names.filter((path) => path.endsWith('.part'))).toEqual([]);
    });

    it('lists, makes, moves, copies and removes, and says why not', async () => {
      const { files } = handle;
      await files.makeDirectory('tree', { recursive: false });
      await expect(files.makeDirectory('tree', { recursive: false })).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
      await files.write('tree/a', [Buffer.from('1')]);
      await files.copy('tree', 'copy', { overwrite: false });
      await expect(files.move('tree', 'copy', { overwrite: false })).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
      await files.move('tree/a', 'tree/b', { overwrite: false });
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
    });

    it.each(['', 'a\0b', 'x'.repeat(5_000), '\ud800'])('refuses the path %j', async (path) => {
      await expect(handle.files.stat(path)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    it('tells of changes below a directory', async (test) => {
      if (provider.capabilities.watch === 'none') return test.skip('no watching');
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
    });

    it('reaches a server inside, and says when nothing listens', async (test) => {
      if (provider.capabilities.ports !== 'tunnel') return test.skip('no tunnels');
      await expect(handle.dial(9_999)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      const server = await handle.spawn({
        id: newId('prc'),
        argv: [
          'python3',
          '-u',
          '-c',
          'import socket; s=socket.create_server(("127.0.0.1",8123)); print("up"); c,_=s.accept(); c.sendall(b"hi:"+c.recv(9)); c.close()',
        ],
        env: {},
      });
      for await (const chunk of server.output) {
        if (chunk.kind !== 'output' || !String(Buffer.from(chunk.bytes)).includes('up')) continue;
        expect(await handle.ports()).toContain(8_123);
        const connection = await handle.dial(8_123);
        connection.write('there');
        let text = '';
        for await (const part of connection) text += String(part);
        expect(text).toBe('hi:there');
      }
    });

    it('measures what is used, and says who enforces the limits', async () => {
      await collect(handle, ['python3', '-c', 'sum(range(3_000_000))']);
      const usage = await handle.usage();
      expect(usage.limits).toEqual(spec().limits);
      expect(usage.cpuSeconds).toBeGreaterThan(0);
      expect(usage.memoryBytes).toBeGreaterThan(0);
      expect(Object.values(usage.enforcement).every((text) => text.length > 0)).toBe(true);
    });

    it('loses its processes honestly and stays destroyed, however often it is asked', async () => {
      const one = await provider.create(spec());
      const process = await one.spawn({ id: newId('prc'), argv: ['sleep', '300'], env: {} });
      await one.destroy();
      await one.destroy();
      expect((await process.exit).kind).toBe('LOST');
      expect((await one.ended).reason).toBe('destroyed');
      await expect(one.spawn({ id: newId('prc'), argv: ['true'], env: {} })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      await expect(provider.connect(one.ref)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('does not know what it never made', async () => {
      await expect(provider.connect('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(handle.reattach(newId('prc'), 0)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });
};
