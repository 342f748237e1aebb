import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import neo4j from 'neo4j-driver';
import type { Neo4jRecording } from '../support/neo4j-recording.ts';
import { type Neo4jRecordingOptions, neo4jRecordings } from '../support/neo4j-recordings.ts';

jest.setTimeout(300_000);

describe('the trigger of a Neo4j graph', () => {
  let recording: Neo4jRecording;
  const recordings = neo4jRecordings();

  async function open(options: Neo4jRecordingOptions = {}): Promise<Neo4jRecording> {
    recording = await recordings.open(options);
    return recording;
  }
  async function expectExact(): Promise<void> {
    await recording.recorder.fence();
    expect(await recording.recorded()).toEqual(await recording.live());
    expect(await recording.record()).toMatchObject({ captureError: null, reconciled: 0n });
    expect(await outbox()).toBe(0n);
  }
  async function outbox(): Promise<unknown> {
    const [row] = await recording.connection.read('MATCH (o:_PalinodeOutbox) RETURN count(o) AS n');
    return row?.n;
  }
  const run = (text: string, params?: Record<string, unknown>, metadata?: Record<string, unknown>) =>
    recording.write(text, params, metadata);

  test('gives keys, puts them back, and gives copies their own', async () => {
    await open();
    await run('CREATE (a:A {x: 1})-[:T]->(b:B)');
    const [before] = await recording.connection.read(
      'MATCH (a:A)-[r]->(b) RETURN [a.palinodeKey, r.palinodeKey, b.palinodeKey] AS keys',
    );
    await run('MATCH (a:A)-[r]->(b) SET a = {x: 2}, b.palinodeKey = "mine" SET r.palinodeKey = 5');
    await run('MATCH (a:A)-[r]->(b) REMOVE a.palinodeKey, b.palinodeKey, r.palinodeKey');
    await run('MATCH (a:A)-[r]->(b) CREATE (c:Copy)-[q:T]->(b) SET c = properties(a), q = properties(r)');
    const [after] = await recording.connection.read(
      'MATCH (a:A)-[r]->(b) RETURN [a.palinodeKey, r.palinodeKey, b.palinodeKey] AS keys',
    );
    expect(after).toEqual(before);
    // `live` refuses keys that are missing or not unique.
    expect((await recording.live()).size).toBe(5);
    await expectExact();
  });

  test('gives keys to what has none as it is touched, ends of new relationships too', async () => {
    await open();
    await recording.unseen('CREATE (:Old {x: 1})-[:T]->(:Old {x: 2}), (:Old {x: 3}), (:Old {x: 4}), (:Old {x: 5})');
    await run('MATCH (o:Old {x: 1}) SET o.y = 1');
    await run('MATCH (o:Old {x: 2}) SET o:More');
    await run('MATCH (a:Old {x: 3}), (b:Old {x: 4}) CREATE (a)-[:T]->(b)');
    await run('MATCH (o:Old {x: 5}) REMOVE o.x');
    await run('MATCH (:Old)-[r:T]->(:More) SET r.w = 1');
    expect((await recording.live()).size).toBe(7);
  });

  test('byte arrays and lists of integers stay what they are while many write both at the same time', async () => {
    await open();
    const values = { bytes: new Int8Array([1, 2]), integers: [1n, 2n], none: new Int8Array(0), floats: [1.5] };
    await Promise.all(
      Object.entries(values).map(async ([name, v]) => {
        for (let i = 0; i < 60; i += 1) await run(`UNWIND range(1, 150) AS i CREATE (:${name} {v: $v})`, { v });
      }),
    );
    const rows = await recording.connection.read(
      `MATCH (o:_PalinodeOutbox) WITH o._palinode_payload AS entry
       WITH [name IN $names WHERE entry CONTAINS '"' + name + '"'][0] AS name, size(split(entry, '"BYTES"')) - 1 AS bytes
       RETURN name, min(bytes) AS least, max(bytes) AS most`,
      { names: Object.keys(values) },
    );
    const found = Object.fromEntries(rows.map(({ name, least, most }) => [String(name), [least, most]]));
    expect(found).toEqual({ bytes: [150n, 150n], none: [150n, 150n], integers: [0n, 0n], floats: [0n, 0n] });
  });

  test('waiting entries survive what users do to all nodes', async () => {
    await open();
    await run('CREATE (:A {x: 1}), (:A {x: 2})');
    await run('MATCH (n) SET n.touched = true');
    await run('MATCH (n) SET n = {}');
    await run('MATCH (n:_PalinodeOutbox) REMOVE n:_PalinodeOutbox');
    await run('MATCH (a:A), (o:_PalinodeOutbox) CREATE (a)-[:SEES {w: 1}]->(o)');
    await run('MATCH ()-[r:SEES]->() SET r.w = 2');
    for (let i = 0; i < 3; i += 1)
      await run('MATCH (n) DETACH DELETE n WITH count(*) AS one CREATE (:B {i: $i})', { i });
    await expectExact();
    const transactions = await recording.transactions();
    expect(transactions.map(({ changeCount }) => changeCount)).toEqual([2n, 2n, 2n, 3n, 2n, 2n]);
  });

  test('writes nothing for what changed nothing, was rolled back, or is ours', async () => {
    await open();
    await run('CREATE (:A {x: 1})');
    await expectExact();
    await run('MATCH (a:A) SET a.x = 1');
    await run('MATCH (a:A) SET a.x = 2 SET a.x = 1');
    await run('CREATE (p:Passing)-[:T]->(:Passing) WITH p MATCH (p)-->(q) DETACH DELETE p, q');
    await expect(run('CREATE (:B) WITH 1 AS one RETURN 1 / (one - 1)')).rejects.toThrow();
    await expectExact();
    expect(await recording.transactions()).toHaveLength(1);
  });

  test('keeps parts bounded, however many changes and however large the values', async () => {
    await open({ capture: { rowsPerPart: 10, charactersPerPart: 5_000 }, recorder: { maxChanges: 20 } });
    const [small, large] = ['x'.repeat(40), 'y'.repeat(7_000)];
    await run('UNWIND range(1, 57) AS i CREATE (:A {i: i, small: $small})-[:T {i: i}]->(:B)', { small });
    await run('MATCH (a:A) SET a.large = CASE WHEN a.i % 10 = 0 THEN $large ELSE $small END', { small, large });
    // Alone in a transaction: short enough for what small transactions take, and not.
    for (const value of [small, large, small]) await run('MATCH (a:A {i: 1}) SET a.large = $value', { value });
    await run('MATCH (a:A {i: 1}) SET a.many = range(1, 3000), a.texts = [$large, $large]', { large });
    const sizes = await recording.connection.read(
      'MATCH (o:_PalinodeOutbox) RETURN o._palinode_size AS size, size(o._palinode_payload) AS real',
    );
    expect(sizes.length).toBeGreaterThan(40);
    for (const { size, real } of sizes) {
      expect(size).toBe(real);
      expect(Number(size)).toBeLessThan(5_000 + 2 * 3000 * 6 + 2 * 7_000);
    }
    await expectExact();
    expect((await recording.transactions()).map(({ changeCount }) => changeCount)).toEqual([171n, 57n, 1n, 1n, 1n]);
  });

  test('past its bound, capture stops with a gap that is shown, and goes on when it is settled', async () => {
    await open({ capture: { mostWaiting: 3 } });
    for (let i = 0; i < 6; i += 1) await run('CREATE (:A {i: $i})', { i });
    expect((await recording.graph.inspectCapture()).map(({ kind, gap }) => [kind, gap])).toEqual([
      ['OUTBOX_FULL', true],
    ]);
    await recording.recorder.fence().catch(() => {});
    expect((await recording.recorded()).size).toBe(3);
    expect((await recording.record()).captureError).toContain('not captured');
    const [first] = await recording.graph.inspectCapture();
    await run('CREATE (:A {i: 6}), (:A {i: 7}), (:A {i: 8}), (:A {i: 9})');
    for (let i = 0; i < 3; i += 1) await run('CREATE (:A {i: 10})');
    await recording.graph.settleIncidents([first?.incident ?? '']);
    // What was lost after it was looked at is another gap.
    const [second] = await recording.graph.inspectCapture();
    expect(second).toMatchObject({ kind: 'OUTBOX_FULL', gap: true });
    expect(second?.incident).not.toBe(first?.incident);
    await recording.recorder.fence().catch(() => {});
    await recording.graph.settleIncidents([second?.incident ?? '']);
    expect(await recording.graph.inspectCapture()).toEqual([]);
    expect(await outbox()).toBe(0n);
  });

  test('far past its bound and without a note yet, the next write leaves one', async () => {
    await open({ capture: { mostWaiting: 10, rowsPerPart: 1 } });
    // More entries than the bound and all notes together, written by who found nothing waiting.
    await run('UNWIND range(1, 510) AS i CREATE (:A)');
    expect(await recording.graph.inspectCapture()).toEqual([]);
    await run('MATCH (a:A) WITH a LIMIT 1 SET a.lost = true');
    expect((await recording.graph.inspectCapture()).map(({ kind }) => kind)).toEqual(['OUTBOX_FULL']);
  });

  test('says who wrote, as far as the metadata does, and believes no other', async () => {
    await open();
    const metadatas: Record<string, unknown>[] = [
      { palinode: { session: 'import', actor: 'ada' } },
      { palinode: { session: 7n, actor: null, id: 5n } },
      { palinode: 'text' },
      { palinode: [1n], palinodeDrain: 'yes' },
      { palinode: { id: 'forged', source: 'BOLT', operation: 'o', session: 's' } },
      {
        palinode: { session: 'z'.repeat(5000), actor: new neo4j.types.Date(2024, 1, 1) },
        other: { deep: [new Int8Array(2)] },
      },
    ];
    for (const metadata of metadatas) await run('CREATE (:A)', {}, metadata);
    await expectExact();
    const found = (await recording.transactions()).map(({ source, actor, sessionId, operationId }) => [
      source,
      actor,
      sessionId?.slice(0, 9) ?? null,
      operationId,
    ]);
    expect(found).toEqual([
      ['BOLT', 'ada', 'import', null],
      ['BOLT', null, '7', null],
      ['BOLT', null, null, null],
      ['BOLT', null, null, null],
      ['BOLT', null, 's', null],
      ['BOLT', '2024-01-01', 'zzzzzzzzz', null],
    ]);
  });

  test('fails on no name, no shape and no amount', async () => {
    await open();
    const labels = Array.from({ length: 10_000 }, (_, i) => `L${i}`);
    await run('CREATE (n:$($labels)) SET n.x = 1', { labels });
    await run('MATCH (n:L0) REMOVE n:$($labels)', { labels: labels.slice(1) });
    const names = Array.from({ length: 2_000 }, (_, i) => [`p${i}`, i % 3 === 0 ? `v${i}` : i]);
    await run('MATCH (n:L0) SET n += $map', { map: Object.fromEntries(names) });
    await run('MATCH (n:L0) SET n.huge = $huge', { huge: 'é'.repeat(3_000_000) });
    await run('MATCH (n:L0) SET n.vector = $vector', { vector: Array.from({ length: 5_000 }, (_, i) => i / 7) });
    await run('MATCH (n:L0) DETACH DELETE n');
    const name = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.constantFrom('`', "'", '\\', '\\u0060', '$p', '//', '/*', '__proto__', 'palinodeKey`'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(name, { minLength: 1, maxLength: 4 }),
        fc.string({ unit: 'binary' }),
        async (given, value) => {
          const fit = given.filter(
            (one) => one.isWellFormed() && !one.includes('\0') && one !== 'palinodeKey' && one.length < 60,
          );
          if (fit.length === 0) return;
          const map = Object.fromEntries(fit.map((one) => [one, value.isWellFormed() ? value : 'x']));
          await run('CREATE (n:$($names))-[r:$($type) {w: 1}]->(m) SET n += $map, r += $map', {
            names: fit,
            type: fit[0],
            map,
          });
          await run('MATCH (n:$($names)) REMOVE n:$($names) SET n = {}', { names: fit });
        },
      ),
      { numRuns: 25 },
    );
    await expectExact();
  });
});
