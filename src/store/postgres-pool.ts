import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool } from 'pg';
import { withTimeLimit } from '../lib/time-limit.ts';

/** A pool whose connections are given up when the server does not answer at all: limits of its own then do not help. */
export const createBoundedPool = (pool: Pool, answerMs: number): PostgresPool => ({
  options: pool.options,
  end: () => pool.end(),
  async connect() {
    const client = await pool.connect();
    let isLost = false;
    const query = (sql: string, parameters: readonly unknown[]): Promise<unknown> =>
      withTimeLimit(client.query(sql, [...parameters]), answerMs, () => {
        isLost = true;
        return new Error(`PostgreSQL did not answer within ${answerMs / 1_000} s.`);
      });
    return {
      query: query as PostgresPoolClient['query'],
      release: (destroy = false) => client.release(destroy || isLost),
    };
  },
});
