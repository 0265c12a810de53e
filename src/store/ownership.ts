import { type RawBuilder, sql } from 'kysely';
import { aliveStates } from './bounds.ts';
import type { Database } from './database.ts';
import type { translate } from './sandbox-rows.ts';
import type { OwnershipStore } from './types/ownership.ts';

const KEY = ['id', 'tenant', 'provider', 'ref', 'owner', 'ownerEpoch', 'host'] as const;

export const openOwnership = (
  db: Database,
  { fromRow }: Pick<ReturnType<typeof translate>, 'fromRow'>,
  now: RawBuilder<number>,
): OwnershipStore => {
  const alive = () => db.selectFrom('sandboxes').where('state', 'in', [...aliveStates]);
  /** No server that owns the row has been heard of since `silentMs` before the end of its lease, or its last heartbeat. */
  const ownerIsGone = (column: 'leaseUntil' | 'heartbeatAt', silentMs = 0) =>
    sql<boolean>`not exists (
      select 1 from "servers" where "servers"."id" = "sandboxes"."owner"
      and "servers".${sql.ref(column)} + ${sql.lit(silentMs)} > ${now}
    )`;
  return {
    async takeBack({ owner, epoch }) {
      await db
        .updateTable('sandboxes')
        .set({ ownerEpoch: epoch })
        .where('owner', '=', owner)
        .where('state', 'in', [...aliveStates])
        .execute();
    },
    async release(owner, providers) {
      let query = db
        .updateTable('sandboxes')
        .set({ owner: null })
        .where('owner', '=', owner)
        .where('host', 'is', null)
        .where('state', 'in', [...aliveStates]);
      if (providers.length) query = query.where('provider', 'not in', [...providers]);
      await query.execute();
    },
    async owned({ owner, epoch }) {
      const query = alive().selectAll().where('owner', '=', owner).where('ownerEpoch', '=', epoch);
      return (await query.execute()).map(fromRow);
    },
    abandoned({ host, predecessor }, after, limit) {
      return alive()
        .select([...KEY])
        .where('id', '>', after)
        .where((eb) =>
          eb.or([
            eb('host', 'is', null),
            eb('host', '=', host),
            ...(predecessor === null ? [] : [eb('owner', '=', predecessor)]),
          ]),
        )
        .where(ownerIsGone('leaseUntil'))
        .orderBy('id')
        .limit(limit)
        .execute();
    },
    async takeOver({ id, tenant, owner, ownerEpoch }, fence, host) {
      const row = await db
        .updateTable('sandboxes')
        .set({ owner: fence.owner, ownerEpoch: fence.epoch, host })
        .where('tenant', '=', tenant)
        .where('id', '=', id)
        .where('state', 'in', [...aliveStates])
        .where('owner', owner === null ? 'is' : '=', owner)
        .where('ownerEpoch', '=', ownerEpoch)
        .where(ownerIsGone('leaseUntil'))
        .returningAll()
        .executeTakeFirst();
      return row ? fromRow(row) : null;
    },
    async unreachable(silentMs, limit) {
      const query = alive()
        .selectAll()
        .where('host', 'is not', null)
        .where(ownerIsGone('heartbeatAt', silentMs))
        .orderBy('id')
        .limit(limit);
      return (await query.execute()).map(fromRow);
    },
  };
};
