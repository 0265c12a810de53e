import { pino } from 'pino';
import { expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.ts';
import type { Deadlines } from '../../../src/providers/complete/deadlines.ts';
import { completeProvider } from '../../../src/providers/complete/provider.ts';
import type { SandboxHandle } from '../../../src/providers/types/handle.ts';
import type { StartSpec } from '../../../src/providers/types/process.ts';
import type { CompleteProvider, Provider } from '../../../src/providers/types/provider.ts';
import type { SandboxSpec } from '../../../src/providers/types/sandbox.ts';

/** A vendor under test: whatever `open` gives sees the same vendor, each for the deployment it names. */
export type Vendor = {
  open(deployment: string): Promise<Provider>;
  close(): Promise<void>;
};
export type ProviderSubject = { name: string; start(): Promise<Vendor> };

/** What the groups of the suite share: one provider, and one sandbox of it. */
export type Bench = {
  vendor: Vendor;
  deployment: string;
  /** As its folder made it. */
  provider: Provider;
  /** As the pool sees it. */
  complete: CompleteProvider;
  handle: SandboxHandle;
};
export type Benched = () => Bench;

export const log = pino({ level: 'silent' });
export const never = new AbortController().signal;
export const LIFE_MS = 600_000;

export const spec = (changes: Partial<SandboxSpec> = {}): SandboxSpec => ({
  id: newId('sbx'),
  template: 'default',
  env: { GREETING: 'hello' },
  limits: { cpus: 1, memoryBytes: 256 * 2 ** 20, diskBytes: 64 * 2 ** 20, processes: 100 },
  network: { mode: 'none', allow: [] },
  expiresAt: Date.now() + LIFE_MS,
  ports: [],
  labels: {},
  ...changes,
});

export const completed = (
  provider: Provider,
  deployment: string,
  deadlines: Partial<Deadlines> = {},
): CompleteProvider => completeProvider(provider, { deployment, log, deadlines });

export const collect = async (
  handle: SandboxHandle,
  argv: readonly [string, ...string[]],
  extra: Partial<StartSpec> = {},
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

/** What a call is refused with that the provider cannot do. */
export const refusal = (capability: string, provider: string) => ({
  code: 'UNSUPPORTED',
  details: { capability, provider },
  message: expect.stringMatching(new RegExp(`${provider}.*${capability}`)),
});

/** One promise in its two halves: what a provider has works, what it has not is refused. */
export const itEither = (
  title: string,
  benched: Benched,
  has: (provider: Provider) => boolean,
  works: () => Promise<void>,
  isRefused: () => Promise<void>,
): void => {
  it(title, () => (has(benched().provider) ? works() : isRefused()));
};
