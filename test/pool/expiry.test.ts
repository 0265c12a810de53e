import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alice, newStateDir, type OpenService, openService } from '../helpers/sandbox-service.ts';

describe('the time of a sandbox', () => {
  let open: OpenService;
  beforeAll(async () => {
    open = await openService(await newStateDir());
  });
  afterAll(() => open?.end());

  it('warns once in the last minute, then ends it with everything it had', async () => {
    const { row } = await open.service.create(alice, { timeoutSeconds: 3_600 });
    open.skip(3_550_000);
    await open.told(row.id, ['sandbox-expiring']);
    open.skip(60_000);
    const kinds = (await open.told(row.id, ['sandbox-destroyed'])).map(({ kind }) => kind);
    expect(kinds).toEqual([
      'sandbox-created',
      'sandbox-ready',
      'sandbox-expiring',
      'sandbox-destroyed',
    ]);
    expect(await open.service.get(alice, row.id)).toMatchObject({
      state: 'TERMINATED',
      terminationReason: 'EXPIRED',
    });
    expect(await open.provider.list()).toEqual([]);
  });

  it('warns again after it was extended', async () => {
    const { row } = await open.service.create(alice, { timeoutSeconds: 30 });
    await open.told(row.id, ['sandbox-expiring']);
    await open.service.extend(alice, row.id, 600);
    open.skip(570_000);
    const stop = new AbortController();
    let warnings = 0;
    for await (const { kind } of await open.service.events(
      alice,
      { ids: [row.id] },
      null,
      stop.signal,
    ))
      if (kind === 'sandbox-expiring' && ++warnings === 2) break;
    stop.abort();
    await open.service.destroy(alice, row.id);
  });

  it('is not given back by an extension once it is over', async () => {
    const { row } = await open.service.create(alice, { timeoutSeconds: 60 });
    open.skip(61_000);
    await expect(open.service.extend(alice, row.id, 60)).rejects.toMatchObject({
      code: 'TERMINATED',
    });
    await open.told(row.id, ['sandbox-destroyed']);
  });
});
