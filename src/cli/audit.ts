import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type ChainState, faultOf, START } from '../audit/chain.ts';
import type { Config } from '../config/read.ts';
import { AppError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { AuditRow } from '../store/types/audit.ts';
import { withStore } from './with-store.ts';

export type AuditOptions = {
  verb?: string | undefined;
  tenant?: string | undefined;
  file?: string | undefined;
};

const PAGE = 1_000;
const say = (line: string): unknown => process.stdout.write(`${line}\n`);
const nameOf = (tenant: string): string =>
  tenant === '' ? 'callers whose token was refused' : `tenant ${tenant}`;

/** Rows of one tenant, as they are in the store. */
const rowsOf = async function* (store: Store, tenant: string): AsyncGenerator<AuditRow> {
  for (let seq = 0; ; ) {
    const rows = await store.audit.after(tenant, seq, PAGE);
    yield* rows;
    const last = rows.at(-1);
    if (!last) return;
    seq = last.seq;
  }
};
const rowsOfFile = async function* (file: string): AsyncGenerator<AuditRow> {
  for await (const line of createInterface({ input: createReadStream(file) }))
    if (line.trim() !== '') yield JSON.parse(line) as AuditRow;
};

/** Each chain's end, and the first fault that was met. */
const verify = async (rows: AsyncIterable<AuditRow>) => {
  const ends = new Map<string, ChainState>();
  for await (const row of rows) {
    const state = ends.get(row.tenant) ?? START;
    const fault = faultOf(state, row);
    if (fault !== null) return { ends, fault: `${nameOf(row.tenant)}: ${fault} (${row.id})` };
    ends.set(row.tenant, row);
  }
  return { ends, fault: null };
};

const report = ({ ends, fault }: Awaited<ReturnType<typeof verify>>): number => {
  for (const [tenant, { seq, hash }] of ends) say(`✓ ${nameOf(tenant)}: ${seq} rows, ${hash}`);
  say(fault === null ? 'The audit log is whole.' : `✗ ${fault}`);
  return fault === null ? 0 : 1;
};

/** The chains of the store, each to where the last append left its end. */
const verifyStore = async (store: Store) => {
  const ends = new Map<string, ChainState>();
  for (const { tenant, hash } of await store.audit.heads()) {
    const found = await verify(rowsOf(store, tenant));
    const end = found.ends.get(tenant) ?? START;
    const cut = end.hash === hash ? null : `${nameOf(tenant)}: row ${end.seq + 1} is missing`;
    const fault = found.fault ?? cut;
    if (fault !== null) return { ends, fault };
    ends.set(tenant, end);
  }
  return { ends, fault: null };
};

/** `verify` ends with 1 when a row was changed, moved or removed. Note down the hashes it prints: who can rewrite a whole chain cannot rewrite your note. */
export const audit = async (config: Config, options: AuditOptions): Promise<number> => {
  const { verb, file, tenant } = options;
  if (verb !== 'verify' && verb !== 'export')
    throw new AppError('INVALID_ARGUMENT', 'Try sandbank audit verify, or sandbank audit export.');
  if (verb === 'verify' && file !== undefined) return report(await verify(rowsOfFile(file)));
  return withStore(config, async (store) => {
    if (verb === 'verify') return report(await verifyStore(store));
    for (const head of await store.audit.heads())
      if (tenant === undefined || tenant === head.tenant)
        for await (const row of rowsOf(store, head.tenant)) say(JSON.stringify(row));
    return 0;
  });
};
