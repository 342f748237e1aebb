import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresArchiveStore } from '../../src/adapters/postgres/archive-store.ts';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { PostgresPointStore } from '../../src/adapters/postgres/point-store.ts';
import { ZERO } from '../../src/core/checksum.ts';
import type { ArchivePart, ArchiveProgress } from '../../src/ports/archive-store.ts';
import type { AuditFact } from '../../src/ports/audit-log.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';

const LEASE_MS = 60_000;
const FACT: AuditFact = {
  type: 'TEST',
  data: {},
  actor: null,
  ip: null,
  userAgent: null,
  pointId: null,
  operationId: null,
};
const SNAPSHOT = { sizeBytes: 1n, compressionType: 'ZSTD', data: {} };
const blobOf = (name: string): string => name.repeat(64).slice(0, 64);
const part = (no: number, blob: string): ArchivePart => ({
  no,
  blob,
  kind: 'NODE',
  entities: 1n,
  bytes: 10n,
  storedBytes: 5n,
  hash: blobOf('0'),
});
const PROGRESS: ArchiveProgress = {
  kind: 'RELATIONSHIP',
  cursor: 'k',
  chunks: 1,
  scanned: 3n,
  nodes: 2n,
  relationships: 1n,
  bytes: 10n,
  storedBytes: 5n,
  checksum: Buffer.alloc(32, 7),
};

describe.each(engines)('archive store on %s', (_, open) => {
  let engine: OpenedEngine;
  let store: PostgresArchiveStore;
  let points: PostgresPointStore;
  let graphId: number;
  beforeAll(async () => {
    engine = await open();
    store = new PostgresArchiveStore(engine.database);
    points = new PostgresPointStore(engine.database);
    graphId = (await new PostgresHistory(engine.database).openGraph('demo', 'EMBEDDED')).id;
  });
  afterAll(() => engine.close());

  async function newPoint(): Promise<string> {
    const id = randomUUID();
    const common = {
      description: null,
      seq: 0n,
      origin: 'MANUAL',
      expiresAt: null,
      held: false,
      sessionId: null,
    } as const;
    const rest = { metadata: null, schema: null, createdBy: null, createdAt: new Date(), archiveId: null };
    await points.create({ id, snapshotId: randomUUID(), graphId, name: 'p', ...common, ...rest }, FACT);
    return id;
  }
  async function begun(holder: string, pointId?: string): Promise<{ id: string; pointId: string }> {
    const point = pointId ?? (await newPoint());
    const id = randomUUID();
    expect(await store.create({ id, pointId: point, scope: null, requestedBy: 'ada' }, FACT)).toBe(true);
    expect(await store.acquire(id, holder, LEASE_MS)).toMatchObject({ id, cursor: null, checksum: ZERO });
    return { id, pointId: point };
  }
  const noted = async (): Promise<Record<string, boolean>> => {
    const { rows } = await engine.database.query<{ name: string; freed: boolean }>(
      'SELECT name, freed_at IS NOT NULL AS freed FROM blobs',
    );
    return Object.fromEntries(rows.map(({ name, freed }) => [name, freed]));
  };
  const removed = async (): Promise<string[]> => {
    const names: string[] = [];
    await store.removeFreed(100, async (name) => {
      names.push(name);
    });
    return names.sort();
  };

  test('one archive of a point is written at a time, by one holder, who goes on where the last one was', async () => {
    const { id, pointId } = await begun('one');
    expect(await store.create({ id: randomUUID(), pointId, scope: null, requestedBy: null }, FACT)).toBe(false);
    expect(await store.acquire(id, 'two', LEASE_MS)).toBeNull();
    expect(await store.note(id, 'one', part(1, blobOf('a')))).toBe(true);
    expect(await store.advance(id, 'one', PROGRESS)).toBe(true);
    await store.release(id, 'one');
    expect(await store.abandoned(10)).toContain(id);
    expect(await store.acquire(id, 'two', LEASE_MS)).toMatchObject(PROGRESS);
    for (const refused of [
      store.note(id, 'one', part(2, blobOf('b'))),
      store.advance(id, 'one', { ...PROGRESS, chunks: 9 }),
      store.renew(id, 'one', LEASE_MS),
      store.finish(id, 'one', SNAPSHOT, FACT),
      store.fail(id, 'one', 'late', FACT),
    ]) {
      expect(await refused).toBe(false);
    }
    expect(await store.parts(id, 0, 10)).toEqual([part(1, blobOf('a'))]);
    expect(await store.finish(id, 'two', SNAPSHOT, FACT)).toBe(true);
    expect(await points.get(pointId)).toMatchObject({ archivingId: null, progress: 100, problems: [] });
    expect(await store.get(id)).toMatchObject({ status: 'DONE' });
    expect(await store.find(pointId, null)).toBe(id);
    expect(await store.find(pointId, { keys: ['a'] })).toBeNull();
  });

  test('a point that is deleted or expires takes its archives with it, those too that are being written', async () => {
    const { id, pointId } = await begun('one');
    await store.note(id, 'one', part(1, blobOf('c')));
    await engine.database.query(`UPDATE rollback_points SET deleted_at = now() WHERE id = $1`, [pointId]);
    expect(await store.renew(id, 'one', LEASE_MS)).toBe(false);
    expect(await store.advance(id, 'one', PROGRESS)).toBe(false);
    expect(await store.freeGone(10, FACT)).toEqual([pointId]);
    expect(await store.freeGone(10, FACT)).toEqual([]);
    expect(await removed()).toEqual([blobOf('c')]);
    expect(await store.get(id)).toMatchObject({ status: 'FREED' });
  });

  test('a chunk that is made again gives up the blob that it was before', async () => {
    const { id } = await begun('one');
    await store.note(id, 'one', part(1, blobOf('d')));
    await store.note(id, 'one', part(1, blobOf('e')));
    expect(await noted()).toMatchObject({ [blobOf('d')]: true, [blobOf('e')]: false });
    expect(await removed()).toEqual([blobOf('d')]);
    await store.fail(id, 'one', 'full', FACT);
    expect(await removed()).toEqual([blobOf('e')]);
  });

  test('a blob that another archive has stays, and is not looked at for ever', async () => {
    const [one, other] = [await begun('one'), await begun('other')];
    await store.note(one.id, 'one', part(1, blobOf('f')));
    await store.note(other.id, 'other', part(1, blobOf('f')));
    await store.fail(one.id, 'one', 'full', FACT);
    expect(await noted()).toMatchObject({ [blobOf('f')]: true });
    expect(await removed()).toEqual([]);
    expect(await noted()).toMatchObject({ [blobOf('f')]: false });
    await store.giveUp(blobOf('f'));
    expect(await removed()).toEqual([]);
    await store.fail(other.id, 'other', 'full', FACT);
    expect(await removed()).toEqual([blobOf('f')]);
  });

  test('who wants a blob while it is being removed gets it noted anew afterwards', async () => {
    const { id } = await begun('one');
    await store.giveUp(blobOf('9'));
    const order: string[] = [];
    let begin = (): void => {};
    const removing = new Promise<void>((resolve) => {
      begin = resolve;
    });
    // Somebody else's: not within the transaction that removes.
    const noting = removing.then(async () => {
      const done = await store.note(id, 'one', part(1, blobOf('9')));
      order.push('noted');
      return done;
    });
    await store.removeFreed(10, async () => {
      begin();
      // Long enough for the note to be made, were it not held up.
      await new Promise((resolve) => setTimeout(resolve, 100));
      order.push('removed');
    });
    expect(await noting).toBe(true);
    expect(order).toEqual(['removed', 'noted']);
    expect(await noted()).toMatchObject({ [blobOf('9')]: false });
  });

  test('what went wrong stands among the problems of the point, once', async () => {
    const { id, pointId } = await begun('one');
    await store.fail(id, 'one', 'full', FACT);
    const again = await begun('one', pointId);
    await store.fail(again.id, 'one', 'full', FACT);
    expect(await points.get(pointId)).toMatchObject({ problems: ['full'], archivingId: null, status: 'STORED' });
  });

  test('a failure to remove a blob leaves it to the next sweep', async () => {
    await store.giveUp(blobOf('8'));
    await expect(store.removeFreed(10, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await removed()).toContain(blobOf('8'));
  });
});
