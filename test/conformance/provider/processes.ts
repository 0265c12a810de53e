import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.ts';
import { type Benched, collect } from './subject.ts';

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, value) => value));

export const testProcesses = (benched: Benched): void => {
  describe('processes', () => {
    it('keeps stdout and stderr apart and never throws for an exit code', async () => {
      const { exit, stdout, stderr } = await collect(benched().handle, [
        'bash',
        '-c',
        'echo out; echo err >&2; exit 7',
      ]);
      expect([String(stdout), String(stderr), exit.kind, exit.exitCode, exit.reason]).toEqual([
        'out\n',
        'err\n',
        'EXITED',
        7,
        null,
      ]);
    });

    it('gives the environment of the sandbox and of the process, and no other', async () => {
      const { stdout } = await collect(benched().handle, ['env'], { env: { OWN: 'mine' } });
      const names = String(stdout)
        .split('\n')
        .map((line) => line.split('=')[0]);
      expect(String(stdout)).toContain('GREETING=hello');
      expect(names).toContain('OWN');
      expect(
        names.filter((variable) => /SECRET|TOKEN|SANDBANK_JWT|npm_/.test(variable ?? '')),
      ).toEqual([]);
    });

    it('returns every byte value in order, or every character where the vendor decodes, more than a mebibyte of them', async () => {
      const { provider, handle } = benched();
      // The half that is the same in every encoding, where the vendor decodes.
      const values = provider.capabilities.output === 'bytes' ? 256 : 128;
      const code = `import sys; sys.stdout.buffer.write(bytes(range(${values})) * 16384)`;
      const { stdout } = await collect(handle, ['python3', '-c', code]);
      expect(stdout.equals(Buffer.alloc(values * 16_384, everyByte.subarray(0, values)))).toBe(
        true,
      );
    });

    it('returns text of every plane as it was written', async () => {
      const words = 'naïve – 漢字 – 🙂\n';
      const { stdout } = await collect(benched().handle, [
        'bash',
        '-c',
        `for i in {1..500}; do printf %s '${words}'; done`,
      ]);
      expect(String(stdout)).toBe(words.repeat(500));
    });

    it('says 127 for a program that is not there, and refuses a working directory that is not', async () => {
      const { handle } = benched();
      expect((await collect(handle, ['no-such-program'])).exit.exitCode).toBe(127);
      await expect(
        handle.spawn({ id: newId('prc'), argv: ['true'], env: {}, cwd: '/nowhere' }),
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    it('starts in the home, or where it was told', async () => {
      const { handle } = benched();
      expect(String((await collect(handle, ['pwd'])).stdout)).toBe('/home/user\n');
      expect(String((await collect(handle, ['pwd'], { cwd: '/usr' })).stdout)).toBe('/usr\n');
    });

    it('ends a process at its timeout with everything it started, also what left its group', async () => {
      const { provider, handle } = benched();
      const { exit } = await collect(handle, ['bash', '-c', 'setsid sleep 300 & sleep 300'], {
        timeoutMs: 300,
      });
      expect(exit).toMatchObject({ kind: 'SIGNALED', reason: 'TIMED_OUT', exitCode: null });
      // Where only `timeout` in the sandbox ends it, what left the group lives on.
      if (provider.capabilities.limits.time !== 'enforced') return;
      const { stdout } = await collect(handle, [
        'bash',
        '-c',
        'pgrep -fx "sleep 300" || echo none',
      ]);
      expect(String(stdout)).toBe('none\n');
    });

    it('tells from a timeout what ended before it', async () => {
      const { exit } = await collect(benched().handle, ['bash', '-c', 'exit 3'], {
        timeoutMs: 60_000,
      });
      expect(exit).toMatchObject({ kind: 'EXITED', exitCode: 3, reason: null });
    });

    it('runs 20 processes at once without mixing their output', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          collect(benched().handle, ['bash', '-c', `for i in {1..50}; do echo ${index}; done`]),
        ),
      );
      results.forEach(({ stdout }, index) => {
        expect(String(stdout)).toBe(`${index}\n`.repeat(50));
      });
    });

    it('shares files between the processes of a sandbox', async () => {
      const { handle } = benched();
      await collect(handle, ['bash', '-c', 'echo shared > /tmp/note']);
      expect(String((await collect(handle, ['cat', '/tmp/note'])).stdout)).toBe('shared\n');
    });

    it('has output streams that can be opened again by name', async () => {
      const script = 'echo to-out > /dev/stdout; echo to-err > /dev/stderr';
      const { stdout, stderr } = await collect(benched().handle, ['bash', '-c', script]);
      expect([String(stdout), String(stderr)]).toEqual(['to-out\n', 'to-err\n']);
    });

    it('keeps all that was written by a process that ended while nobody read', async () => {
      const { handle } = benched();
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
  });
};
