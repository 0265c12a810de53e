import type { Kysely } from 'kysely';
import type { IdempotencyRecord, Process, Sandbox } from './store.ts';

/** Columns are named as the fields of the rows; what is not a string or a number is JSON text. */
type Text<Row, Json extends keyof Row> = {
  [Key in keyof Row]: Key extends Json ? string : Row[Key];
};

export type Tables = {
  sandboxes: Text<Sandbox, 'labels' | 'env' | 'networkAllow'>;
  sandbox_labels: { tenant: string; sandboxId: string; key: string; value: string };
  processes: Text<Process, 'argv'>;
  idempotency: IdempotencyRecord;
};

export type Database = Kysely<Tables>;
