import { existsSync, readFileSync } from 'node:fs';
import { StatementSync } from 'node:sqlite';
import { Client } from 'pg';

/**
 * The program, which kills itself as `kill -9` would right before the n-th statement that changes the database. It counts from when the file
 * SANDBANK_TEST_KILL_FILE is there, which holds n.
 */
const file = process.env.SANDBANK_TEST_KILL_FILE ?? '';
let left: number | null = null;

const count = (sql: unknown): void => {
  const text = typeof sql === 'string' ? sql : ((sql as { text?: string } | null)?.text ?? '');
  if (!/^\s*(insert|update|delete|begin|start|commit|rollback)/i.test(text)) return;
  if (left === null && existsSync(file)) left = Number(readFileSync(file, 'utf8'));
  if (left === null) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
};

type Method = (...args: unknown[]) => unknown;
const before = (target: object, name: string, look: (self: object, first: unknown) => void) => {
  const methods = target as Record<string, Method>;
  const original = methods[name] as Method;
  methods[name] = function (this: object, ...args: unknown[]) {
    look(this, args[0]);
    return original.apply(this, args);
  };
};
for (const name of ['run', 'all'])
  before(StatementSync.prototype, name, (statement) =>
    count((statement as StatementSync).sourceSQL),
  );
before(Client.prototype, 'query', (_, sql) => count(sql));

await import('../../src/main.ts');
