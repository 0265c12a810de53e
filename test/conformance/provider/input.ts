import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { newId } from '../../../src/lib/ids.ts';
import type { VendorHandle } from '../../../src/providers/types/handle.ts';
import { type Benched, collect, completed, itEither, refusal, spec } from './subject.ts';

const start = (handle: ReturnType<Benched>['handle'], argv: readonly [string, ...string[]]) =>
  handle.spawn({ id: newId('prc'), argv, env: {} });

/** What goes into a process while it runs: bytes, signals, the size of its terminal. */
export const testInput = (benched: Benched): void => {
  describe('input', () => {
    itEither(
      'feeds stdin and closes it, or refuses to write and gives an empty one',
      benched,
      ({ capabilities }) => capabilities.stdin === 'native',
      async () => {
        const { handle } = benched();
        const process = await start(handle, ['cat']);
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
      },
      async () => {
        const { provider, handle } = benched();
        const process = await start(handle, ['wc', '-c']);
        await expect(process.write(Buffer.from('x'))).rejects.toMatchObject(
          refusal('stdin', provider.name),
        );
        await expect(process.closeStdin()).rejects.toMatchObject(refusal('stdin', provider.name));
        for await (const _ of process.output);
        expect((await process.exit).exitCode).toBe(0);
      },
    );

    it('gives input that is known at the start, with or without a stdin of the vendor', async () => {
      const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
      const { stdout, exit } = await collect(benched().handle, ['sha256sum'], { input: bytes });
      const expected = await crypto.subtle.digest('SHA-256', bytes);
      expect([String(stdout), exit.exitCode]).toEqual([
        `${Buffer.from(expected).toString('hex')}  -\n`,
        0,
      ]);
    });

    it('gives all of the input to a process that reads later than a write may take', async () => {
      const { provider, deployment } = benched();
      const impatient = completed(provider, deployment, { input: 300 });
      const handle = await impatient.create(spec());
      const { stdout, exit } = await collect(handle, ['bash', '-c', 'sleep 2; wc -c'], {
        input: Buffer.alloc(2 ** 20, 'x'),
        timeoutMs: 30_000,
      });
      expect([String(stdout), exit.exitCode]).toEqual(['1048576\n', 0]);
      await handle.destroy();
    });

    it('gives all of it also where the vendor waits for no slow reader', async () => {
      const { provider, deployment } = benched();
      let timeouts = 0;
      const hasty = (handle: VendorHandle): VendorHandle => ({
        ...handle,
        async spawn(...asked) {
          const process = await handle.spawn(...asked);
          const { stdin } = process;
          if (!stdin) return process;
          const write = (bytes: Uint8Array): Promise<void> =>
            Promise.race([
              stdin.write(bytes),
              sleep(100, undefined, { ref: false }).then(() => {
                timeouts += 1;
                throw new AppError('TIMEOUT', 'The process does not read.');
              }),
            ]);
          return { ...process, stdin: { ...stdin, write } };
        },
      });
      const complete = completed(
        { ...provider, create: async (...asked) => hasty(await provider.create(...asked)) },
        deployment,
      );
      const handle = await complete.create(spec());
      const { stdout } = await collect(handle, ['bash', '-c', 'sleep 2; wc -c'], {
        input: Buffer.alloc(2 ** 20, 'x'),
        timeoutMs: 30_000,
      });
      expect(String(stdout)).toBe('1048576\n');
      if (provider.capabilities.stdin === 'native') expect(timeouts).toBeGreaterThan(0);
      await handle.destroy();
    });

    it('closes the input of a process that has closed it first, and takes its exit for the answer', async () => {
      const script = 'exec < /dev/null; echo closed; sleep 1; exit 3';
      const { stdout, exit } = await collect(benched().handle, ['bash', '-c', script], {
        input: Buffer.alloc(2 ** 20, 'x'),
        timeoutMs: 30_000,
      });
      expect([String(stdout), exit.exitCode]).toEqual(['closed\n', 3]);
    });

    it('gives an empty stdin to who asks for none', async () => {
      const { stdout, exit } = await collect(benched().handle, ['wc', '-c'], { stdin: false });
      expect([String(stdout), exit.exitCode]).toEqual(['0\n', 0]);
    });

    itEither(
      'signals as far as it says; else by a command where there is a pid, or not at all',
      benched,
      ({ capabilities }) => capabilities.signals !== 'none',
      async () => {
        const { provider, handle } = benched();
        const isAlone = provider.capabilities.signals === 'process';
        const process = await start(
          handle,
          isAlone ? ['sleep', '300'] : ['bash', '-c', 'sleep 300; true'],
        );
        await process.signal('SIGTERM');
        for await (const _ of process.output);
        expect(await process.exit).toMatchObject({
          kind: 'SIGNALED',
          signal: 'SIGTERM',
          exitCode: null,
        });
        await expect(process.signal('SIGTERM')).rejects.toMatchObject({ code: 'TERMINATED' });
        await process.release();
      },
      async () => {
        const { provider, handle } = benched();
        const process = await start(handle, ['sleep', '5']);
        if (process.pid === null)
          await expect(process.signal('SIGTERM')).rejects.toMatchObject(
            refusal('signals', provider.name),
          );
        else await process.signal('SIGTERM');
        for await (const _ of process.output);
        expect((await process.exit).kind).toBe(process.pid === null ? 'EXITED' : 'SIGNALED');
      },
    );

    itEither(
      'gives a real terminal that can be resized, or refuses before anything is started',
      benched,
      ({ capabilities }) => capabilities.pty === 'native',
      async () => {
        const { handle } = benched();
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
      },
      async () => {
        const { provider, handle } = benched();
        const argv = ['bash', '-c', 'touch started'] as const;
        await expect(
          handle.spawn({ id: newId('prc'), argv, env: {}, pty: { cols: 80, rows: 24 } }),
        ).rejects.toMatchObject(refusal('pty', provider.name));
        expect(await handle.files.stat('started')).toBeNull();
      },
    );
  });
};
