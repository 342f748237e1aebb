import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Archiver } from '../../../src/services/archives/archiver.ts';
import { SnapshotManager } from '../../../src/services/snapshot-manager.ts';
import { plain, readGraph } from '../../support/api-graph.ts';
import { archivedGraph, blobPath, blobsIn, settledPoint, storedArchive } from '../../support/archives.ts';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

/** Small, so that there are several. */
const CHUNK_BYTES = 2000;

describe.each(engines)('archives on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  let round = 0;
  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database, { archiving: { chunkBytes: CHUNK_BYTES, sweepMs: 3_600_000 } });
    await write(Array.from({ length: 60 }, (__, at) => node(`n${at}`, at, at < 3 ? ['Few'] : ['Many'])));
    await write(Array.from({ length: 60 }, (__, at) => relationship(`r${at}`, `n${at}`, `n${(at + 1) % 60}`)));
  });
  afterAll(() => endService(service, engine));

  const node = (key: string, p: number, labels: string[]): Answer => ({
    putNode: {
      key,
      labels,
      set: [
        { name: 'p', value: p },
        { name: 'text', value: `text of ${key} `.repeat(5) },
      ],
    },
  });
  const relationship = (key: string, start: string, end: string): Answer => ({
    putRelationship: { key, type: 'NEXT', start, end, set: [{ name: 'since', value: { $date: '2024-02-29' } }] },
  });
  const write = (changes: Answer[]) =>
    service.made('writeGraph', 'transaction { seq }', { graph: 'demo', actor: 'ada', changes });
  const point = async (more: Answer = {}): Promise<string> => {
    round += 1;
    return (await service.made('createRollbackPoint', 'id', { graph: 'demo', name: `p${round}`, ...more })).id;
  };
  const archive = async (id: string, more: Answer = {}): Promise<Answer> => {
    await service.made('archiveRollbackPoint', 'id', { id, ...more });
    return settledPoint(service.client, id);
  };
  const validate = async (id: string): Promise<Answer> => {
    await service.made('validateRollbackPoint', 'id', { id });
    return settledPoint(service.client, id);
  };
  /** The contract of the services has no door to what runs by the clock. */
  const sweep = async (): Promise<void> => {
    if (service.assembly.services.archives instanceof Archiver) await service.assembly.services.archives.sweep();
  };
  const expire = async (): Promise<void> => {
    const { snapshots } = service.assembly.services;
    if (snapshots instanceof SnapshotManager) await snapshots.expireDue();
  };
  const ofType = ({ snapshots }: Answer, type: string): Answer[] =>
    snapshots.filter((each: Answer) => each.type === type);

  test('hold the whole state at the point, whatever is written later, in chunks of bounded size', async () => {
    const before = await readGraph(service.client);
    const id = await point({ archive: true });
    await write([node('n0', 1000, ['Few']), { deleteNode: { key: 'n1', cascade: true } }]);
    const settled = await settledPoint(service.client, id);
    expect(settled).toMatchObject({ status: 'STORED', progress: 100, problems: [] });
    expect(settled.snapshots.map(({ type }: Answer) => type)).toEqual(['CHANGE_LOG', 'FULL']);
    const [full] = ofType(settled, 'FULL');
    expect(full).toMatchObject({ compressionType: 'ZSTD', scope: null, problems: [] });
    const stored = await storedArchive(service, full.id);
    expect(plain(archivedGraph(stored))).toEqual(plain(before));
    expect(stored.header).toMatchObject({
      format: 'palinode-archive-1',
      graph: 'demo',
      nodes: '60',
      relationships: '60',
    });
    expect(stored.chunks.length).toBeGreaterThan(5);
    for (const { bytes } of stored.chunks) expect(bytes).toBeLessThan(2 * CHUNK_BYTES);
    const size = blobsIn(service.dataFolder).reduce(
      (sum, name) => sum + statSync(blobPath(service.dataFolder, name)).size,
      0,
    );
    expect(full.sizeBytes).toBe(`${size}`);
    expect(settled.audit.nodes.map(({ eventType }: Answer) => eventType)).toEqual(['POINT_CREATED', 'POINT_ARCHIVED']);
    expect(await validate(id)).toMatchObject({ status: 'VALID', problems: [] });
  });

  test('of a point in the past hold that past', async () => {
    const before = await readGraph(service.client, '1');
    const settled = await settledPoint(service.client, await point({ at: { seq: '1' }, archive: true }));
    expect(plain(archivedGraph(await storedArchive(service, ofType(settled, 'FULL')[0].id)))).toEqual(plain(before));
  });

  test('of an empty graph are whole, too', async () => {
    const settled = await settledPoint(service.client, await point({ at: { seq: '0' }, archive: true }));
    expect((await storedArchive(service, ofType(settled, 'FULL')[0].id)).entities).toEqual([]);
    expect(await validate(settled.id)).toMatchObject({ status: 'VALID' });
  });

  test('are written once, however often they are asked for', async () => {
    const id = await point();
    const first = await archive(id);
    const keyed = { id, scope: { keys: ['n5'] }, idempotencyKey: 'once' };
    await Promise.all([1, 2, 3].map(() => service.made('archiveRollbackPoint', 'id', keyed)));
    const settled = await settledPoint(service.client, id);
    await archive(id);
    const again = await archive(id, { scope: { keys: ['n5'] } });
    expect(again.snapshots).toEqual(settled.snapshots);
    expect(again.snapshots).toHaveLength(3);
    expect(ofType(again, 'FULL')).toEqual(ofType(first, 'FULL'));
    const other = { ...keyed, scope: { keys: ['n6'] } };
    expect(await service.refused('archiveRollbackPoint', other)).toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
  });

  test('of a scope hold whole entities of which it covers anything', async () => {
    const id = await point();
    const cases: [Answer, (id: string) => boolean][] = [
      [{ keys: ['n5', 'r7', 'nowhere'] }, (each) => ['n:n5', 'r:r7'].includes(each)],
      [{ labels: ['Few'] }, (each) => ['n:n0', 'n:n2', 'r:r2', 'r:r59'].includes(each)],
      [{ relationshipTypes: ['NEXT'] }, (each) => each.startsWith('r:')],
      [{ properties: ['p'] }, (each) => each.startsWith('n:')],
      [{ neighbourhood: { keys: ['n10'], hops: 1 } }, (each) => /^(n:n9|n:n10|n:n11|r:r9|r:r10)$/.test(each)],
      // What is left of a node without Many, once its property p is left out, are its other aspects; no relationship is without Many.
      [{ not: { any: [{ properties: ['p'] }, { labels: ['Many'] }] } }, (each) => ['n:n0', 'n:n2'].includes(each)],
    ];
    const live = await readGraph(service.client);
    for (const [scope, covers] of cases) {
      const settled = await archive(id, { scope });
      const [snapshot] = ofType(settled, 'PARTIAL').slice(-1);
      const expected = new Map([...live].filter(([each]) => covers(each)));
      expect(plain(archivedGraph(await storedArchive(service, snapshot.id)))).toEqual(plain(expected));
      expect(snapshot.scope).toMatchObject(scope.neighbourhood === undefined ? scope : {});
    }
    expect(await validate(id)).toMatchObject({ status: 'VALID', problems: [] });
  });

  test('that are damaged make the point INVALID and are named; written anew they are whole', async () => {
    const id = await point();
    const settled = await archive(id);
    const [full] = ofType(settled, 'FULL');
    const { chunks } = await storedArchive(service, full.id);
    const [first, second, third] = chunks.map(({ blob }) => blobPath(service.dataFolder, blob));
    const count = chunks.length;
    const damages: [string, () => void][] = [
      [`chunk 1 of ${count} is missing`, () => rmSync(`${first}`)],
      [
        `chunk 2 of ${count} is truncated: 10 of its ${chunks[1]?.storedBytes} bytes are there`,
        () => truncateSync(`${second}`, 10),
      ],
      [`chunk 3 of ${count} is damaged: its bytes are not those that were stored`, () => flip(`${third}`)],
    ];
    for (const [, damage] of damages) damage();
    const invalid = await validate(id);
    const named = damages.map(([problem]) => problem);
    expect(invalid).toMatchObject({ status: 'INVALID' });
    expect(invalid.problems).toEqual(
      named.map((problem) => expect.stringMatching(new RegExp(`^archive [0-9a-f-]{36}: ${problem}$`))),
    );
    expect(ofType(invalid, 'FULL')).toMatchObject([{ id: full.id, problems: named }]);

    const mended = await archive(id);
    expect(ofType(mended, 'FULL')).toMatchObject([{ problems: [] }]);
    expect(ofType(mended, 'FULL')[0].id).not.toBe(full.id);
    await sweep();
    expect(await validate(id)).toMatchObject({ status: 'VALID', problems: [] });

    const [whole] = ofType(mended, 'FULL');
    rmSync(blobPath(service.dataFolder, (await storedArchive(service, whole.id)).manifest));
    expect((await validate(id)).problems).toEqual([expect.stringMatching(/^archive .*: its manifest is missing$/)]);
    expect(await archive(id)).toMatchObject({ status: 'INVALID' });
    expect(await validate(id)).toMatchObject({ status: 'VALID' });
  });

  test('that cannot be read make the point INVALID until they can', async () => {
    const id = await point();
    const [full] = ofType(await archive(id), 'FULL');
    const stored = await storedArchive(service, full.id);
    const path = blobPath(service.dataFolder, stored.chunks[0]?.blob);
    renameSync(path, `${path}.aside`);
    mkdirSync(path);
    expect((await validate(id)).problems).toEqual([
      expect.stringMatching(/: chunk 1 of \d+ cannot be read: a blob could not be read \(EISDIR\)$/),
    ]);
    rmdirSync(path);
    renameSync(`${path}.aside`, path);
    expect(await validate(id)).toMatchObject({ status: 'VALID', problems: [] });
  });

  test('whose snapshot was changed in the database are not read: the point is INVALID', async () => {
    const id = await point();
    await archive(id);
    await engine.database.query(
      `UPDATE rollback_snapshots SET data = jsonb_set(data, '{nodes}', '"1"') WHERE id = (SELECT id FROM rollback_snapshots WHERE type = 'FULL' ORDER BY created_at DESC LIMIT 1)`,
    );
    const invalid = await validate(id);
    expect(invalid).toMatchObject({ status: 'INVALID', problems: [expect.stringContaining('(FULL) is damaged')] });
  });

  test('share what is the same, and go when no point needs it any more', async () => {
    const [one, other] = [await point(), await point()];
    await archive(one);
    await sweep();
    const shared = blobsIn(service.dataFolder).length;
    await archive(other);
    // The manifest names its point; every chunk is there already.
    expect(blobsIn(service.dataFolder)).toHaveLength(shared + 1);
    await service.made('deleteRollbackPoint', 'deletedId', { id: one });
    await sweep();
    expect(blobsIn(service.dataFolder)).toHaveLength(shared);
    expect(await validate(other)).toMatchObject({ status: 'VALID' });

    await service.prisma.rollbackPoint.updateMany({ data: { expiresAt: new Date(Date.now() - 1000) } });
    await expire();
    await sweep();
    expect(blobsIn(service.dataFolder)).toEqual([]);
    const expired = await settledPoint(service.client, other);
    expect(expired.snapshots.map(({ type }: Answer) => type)).toEqual(['CHANGE_LOG']);
    expect(expired.audit.nodes.map(({ eventType }: Answer) => eventType)).toContain('POINT_ARCHIVE_FREED');
    const { rows } = await engine.database.query('SELECT FROM blobs');
    expect(rows).toEqual([]);
  });

  test('that cannot be stored leave the point as it was, with the reason', async () => {
    const id = await point();
    const folder = `${service.dataFolder}/blobs`;
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'no folder');
    const failed = await archive(id);
    expect(failed).toMatchObject({
      status: 'STORED',
      progress: 100,
      problems: ['the archive could not be written: a blob could not be written (ENOTDIR)'],
    });
    expect(failed.snapshots).toHaveLength(1);
    expect(failed.audit.nodes.at(-1)).toMatchObject({ eventType: 'POINT_ARCHIVE_FAILED' });
    rmSync(folder);
    expect((await archive(id)).snapshots).toHaveLength(2);
    expect(await validate(id)).toMatchObject({ status: 'VALID', problems: [] });
  });

  test('are followed like a validation: whoever watches the point is told until the archive is there', async () => {
    const id = await point({ archive: true });
    const { id: key } = await service.prisma.rollbackPoint.findFirstOrThrow({ orderBy: { createdAt: 'desc' } });
    const { signal } = new AbortController();
    // Ends by itself, when the archive is there.
    for await (const __ of service.assembly.services.feeds.pointChanges(key, signal));
    expect(ofType(await settledPoint(service.client, id), 'FULL')).toHaveLength(1);
  });
});

describe.each(engines.slice(1))('a scope that covers too much to be archived on %s', (_, open) => {
  test('is refused, where it covers that much', async () => {
    const engine = await open();
    const service = await startService(engine.database);
    const pin = (name: string) => service.made('createRollbackPoint', 'id', { graph: 'demo', name });
    const before = await pin('before');
    await engine.database.script(`INSERT INTO graph_demo.nodes (key) VALUES ('hub'), ('far');
      INSERT INTO graph_demo.relationships (key, type, start_key, end_key) SELECT 'm' || i, 'MANY', 'hub', 'far' FROM generate_series(1, 100001) AS i`);
    const after = await pin('after');
    const scope = { neighbourhood: { keys: ['hub'], hops: 1 } };
    const refused = await service.refused('archiveRollbackPoint', { id: after.id, scope });
    expect(refused).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: '100000' });
    // There was no hub then.
    expect(await service.refused('archiveRollbackPoint', { id: before.id, scope })).toMatchObject({
      code: 'INVALID_INPUT',
    });
    await service.stop();
    await engine.close();
  }, 120_000);
});

/** One bit, in the middle. */
function flip(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
