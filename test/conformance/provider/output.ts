import { describe, expect, it } from 'vitest';
import { measureRecord } from '../../../src/journal/record.ts';
import { newId } from '../../../src/lib/ids.ts';
import type { VendorHandle } from '../../../src/providers/types/handle.ts';
import {
  LOST,
  type OutputChunk,
  type OutputLost,
  type SandboxProcess,
  type VendorProcess,
} from '../../../src/providers/types/process.ts';
import { type Benched, completed, spec } from './subject.ts';

type Item = OutputChunk | OutputLost;
const textOf = (item: Item): string =>
  item.kind === 'lost' ? '<lost>' : String(Buffer.from(item.bytes));
const read = async ({ output }: SandboxProcess): Promise<string> => {
  let text = '';
  for await (const item of output) text += textOf(item);
  return text;
};
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const chunk = (position: number, bytes: Uint8Array): OutputChunk => ({
  kind: 'output',
  stream: 'stdout',
  bytes,
  position,
});

/** A sandbox of the provider under test whose processes say what a test wants, also what no vendor should. */
const withProcess = async (
  benched: Benched,
  process: (handle: VendorHandle) => Partial<VendorProcess>,
  exit = 10_000,
) => {
  const { provider, deployment } = benched();
  const complete = completed(
    {
      ...provider,
      create: async (...asked) => {
        const handle = await provider.create(...asked);
        return {
          ...handle,
          spawn: async () => ({
            ref: 'made',
            pid: null,
            exit: new Promise(() => undefined),
            output: (async function* () {})(),
            ...process(handle),
          }),
        };
      },
    },
    deployment,
    { exit },
  );
  const handle = await complete.create(spec());
  return { handle, made: await handle.spawn({ id: newId('prc'), argv: ['true'], env: {} }) };
};

const testAcknowledgement = (benched: Benched): void => {
  it('gives a chunk that was not acknowledged again to who asks for the process a second time', async () => {
    const { handle } = benched();
    const id = newId('prc');
    const script = 'for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done; echo err >&2; exit 4';
    const start = { id, argv: ['bash', '-c', script] as const, env: {} };
    const first = await handle.spawn(start);
    const seen: string[] = [];
    // The second chunk, where there is one, cannot be recorded.
    for await (const item of first.output) {
      if (seen.length === 1) break;
      seen.push(textOf(item));
    }
    const second = await handle.spawn(start);
    for await (const item of second.output) seen.push(textOf(item));
    expect(seen.join('').replace('err\n', '')).toBe(
      [1, 2, 3, 4, 5].map((n) => `line ${n}\n`).join(''),
    );
    expect(seen.join('')).toContain('err\n');
    expect(await second.exit).toMatchObject({ kind: 'EXITED', exitCode: 4 });
    await second.release();
  });

  it('keeps a process that has ended until its exit is recorded, with the output behind the last recorded position', async () => {
    const { handle } = benched();
    const id = newId('prc');
    const argv = ['bash', '-c', 'echo one; sleep 1; echo two; exit 5'] as const;
    const first = await handle.spawn({ id, argv, env: {} });
    const recorded: Item[] = [];
    for await (const item of first.output) {
      recorded.push(item);
      break;
    }
    await first.exit;
    const position = recorded[0]?.position ?? 0;
    const again = await handle.attach(id, first.ref, position);
    expect(recorded.map(textOf).join('') + (await read(again))).toBe('one\ntwo\n');
    expect(await again.exit).toMatchObject({ kind: 'EXITED', exitCode: 5 });
    // The record of the exit failed.
    const last = await handle.attach(id, first.ref, position + 1);
    expect(await last.exit).toMatchObject({ kind: 'EXITED', exitCode: 5 });
    await last.release();
    await expect(handle.attach(id, first.ref, position + 1)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('gives nothing more to a reader that another one has replaced', async () => {
    const { handle } = benched();
    const argv = ['bash', '-c', 'echo one; sleep 2; echo two'] as const;
    const process = await handle.spawn({ id: newId('prc'), argv, env: {} });
    const first = process.output[Symbol.asyncIterator]();
    const late = first.next().then(() => first.next());
    const failed = expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const text = await read(process);
    expect(text).toMatch(/^(one\n)?two\n$|^one\ntwo\n$/);
    await failed;
  });
};

const testPieces = (benched: Benched): void => {
  it('has no chunk that a journal would refuse, however much the vendor says at once', async () => {
    const bytes = Buffer.alloc(2 ** 21 + 7, 'abcdefg');
    const { handle, made } = await withProcess(benched, () => ({
      exit: Promise.resolve({ ...LOST, kind: 'EXITED', exitCode: 0 }),
      output: (async function* () {
        yield chunk(1, Buffer.from('before'));
        yield chunk(2, bytes);
        yield chunk(3, Buffer.from('behind'));
      })(),
    }));
    const parts: Uint8Array[] = [];
    let position = 0;
    for await (const item of made.output) {
      if (item.kind === 'lost') throw new Error(item.reason);
      const { stream: kind } = item;
      expect(() => measureRecord({ at: 0, kind, meta: {}, bytes: item.bytes })).not.toThrow();
      expect(item.position).toBeGreaterThan(position);
      ({ position } = item);
      parts.push(item.bytes);
    }
    expect(
      Buffer.concat(parts).equals(
        Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]),
      ),
    ).toBe(true);
    await handle.destroy();
  });
};

const testBreaks = (benched: Benched): void => {
  it('that breaks off is told as lost before the end', async () => {
    const { handle, made } = await withProcess(
      benched,
      () => ({
        output: (async function* () {
          yield chunk(1, Buffer.from('a'));
          throw new Error('broken pipe');
        })(),
      }),
      300,
    );
    expect(await read(made)).toBe('a<lost>');
    expect(await made.exit).toMatchObject({ kind: 'LOST' });
    await handle.destroy();
  });

  it('of a vendor that says an exit and then nothing is told as lost and ends', async () => {
    const { handle, made } = await withProcess(
      benched,
      () => ({
        exit: Promise.resolve({ ...LOST, kind: 'EXITED', exitCode: 0 }),
        output: (async function* () {
          yield chunk(1, Buffer.from('a'));
          await new Promise(() => undefined);
        })(),
      }),
      300,
    );
    expect(await read(made)).toBe('a<lost>');
    expect(await made.exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
    await handle.destroy();
  });

  it('that a vendor has not told when it cannot say how the process ended is delivered all the same', async () => {
    const { handle, made } = await withProcess(benched, () => ({
      exit: Promise.reject(new Error('who knows')),
      output: (async function* () {
        yield chunk(1, Buffer.from('a'));
        await wait(100);
        yield chunk(2, Buffer.from('b'));
      })(),
    }));
    expect(await read(made)).toBe('ab');
    expect(await made.exit).toMatchObject({ kind: 'LOST' });
    await handle.destroy();
  });

  it('that goes on after the sandbox has ended is taken to its end, as long as it is not silent', async () => {
    const ending = Promise.withResolvers<void>();
    const { handle, made } = await withProcess(
      benched,
      () => ({
        exit: ending.promise.then(() => ({ ...LOST, kind: 'EXITED', exitCode: 0 })),
        output: (async function* () {
          for (let n = 1; n <= 40; n += 1) {
            await wait(50);
            yield chunk(n, Buffer.from('.'));
          }
          ending.resolve();
        })(),
      }),
      // Shorter than all of it and much longer than one pause.
      1_000,
    );
    await handle.destroy();
    expect(await read(made)).toBe('.'.repeat(40));
    expect(await made.exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
  });
};

/** What a process has written comes once, in order and whole, or is told to be lost. */
export const testOutput = (benched: Benched): void => {
  describe('output', () => {
    testAcknowledgement(benched);
    testPieces(benched);
    testBreaks(benched);

    it('is read no more after its handle has let go, while the process lives on', async () => {
      const { vendor, deployment } = benched();
      const provider = completed(await vendor.open(deployment), deployment);
      const one = spec();
      const handle = await provider.create(one);
      const argv = ['bash', '-c', 'sleep 2; echo done > finished'] as const;
      const process = await handle.spawn({ id: newId('prc'), argv, env: {} });
      const reading = read(process);
      const failed = expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      handle.detach();
      handle.detach();
      await failed;
      await expect(handle.spawn({ id: newId('prc'), argv, env: {} })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      // Another server looks after it now.
      const other = completed(await vendor.open(deployment), deployment);
      const again = await other.connect(handle.ref, one);
      const checking = ['bash', '-c', 'until [ -s finished ]; do sleep 0.1; done'] as const;
      const check = await again.spawn({
        id: newId('prc'),
        argv: checking,
        env: {},
        timeoutMs: 30_000,
      });
      await read(check);
      expect(await check.exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
      await again.destroy();
      await provider.dispose();
      await other.dispose();
    });
  });
};
