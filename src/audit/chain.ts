import { createHash } from 'node:crypto';
import type { AuditFact, AuditRow } from '../store/types/audit.ts';

/** SHA-256, in hex, of the hash before and of every field of the row in this order. Changing either breaks all old chains. */
export const hashOf = (row: AuditFact & { seq: number }, previousHash: string): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        previousHash,
        row.tenant,
        row.seq,
        row.id,
        row.at,
        row.requestId,
        row.subject,
        row.role,
        row.tokenId,
        row.address,
        row.action,
        row.target,
        row.sandboxId,
        row.outcome,
        row.code,
      ]),
    )
    .digest('hex');

export type ChainState = { seq: number; hash: string };
export const START: ChainState = { seq: 0, hash: '' };

/** Why a row cannot follow `state`; null when it can. */
export const faultOf = (state: ChainState, row: AuditRow): string | null => {
  if (row.seq !== state.seq + 1)
    return row.seq > state.seq + 1
      ? `row ${state.seq + 1} is missing`
      : `row ${row.seq} is repeated after row ${state.seq}`;
  if (row.previousHash !== state.hash) return `row ${row.seq} does not follow row ${state.seq}`;
  if (row.hash !== hashOf(row, row.previousHash)) return `row ${row.seq} was changed`;
  return null;
};
