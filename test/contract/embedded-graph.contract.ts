import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { EmbeddedGraph } from '../../src/adapters/embedded-graph/embedded-graph.ts';
import type { EntityChange } from '../../src/core/entities.ts';
import type { Database } from '../../src/ports/database.ts';
import { changeTo, drain, nodeOf, put, Replay, relationshipOf, scanOf } from '../support/captured.ts';
import { constraintsContract } from './embedded-graph-constraints.contract.ts';
import { damageContract } from './embedded-graph-damage.contract.ts';
import { valuesContract } from './embedded-graph-values.contract.ts';

export interface EmbeddedHarness {
  readonly database: Database;
  /** A pool of another process; PGlite has none. */
  readonly second?: Database;
  close(): Promise<void>;
}

export interface SqlGraph {
  readonly graph: EmbeddedGraph;
  readonly database: Database;
  readonly second: Database | undefined;
  /** The graph's schema. */
  readonly schema: string;
  /** Runs plain SQL with `nodes` and `relationships` standing for the graph's tables. */
  sql(text: string): Promise<void>;
}

/** What plain SQL writers may count on, on either engine. */
export function embeddedGraphContract(engine: string, open: () => Promise<EmbeddedHarness>): void {
  describe(`the tables of an embedded graph on ${engine}`, () => {
    let harness: EmbeddedHarness;
    let current: SqlGraph;
    let graphs = 0;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      graphs += 1;
      const { database, second } = harness;
      const graph = new EmbeddedGraph(database, `plain_${graphs}`);
      await graph.attach();
      const schema = `graph_plain_${graphs}`;
      const sql = (text: string) =>
        database.script(`BEGIN; SET LOCAL search_path = ${schema}, public; ${text}; COMMIT`);
      current = { graph, database, second, schema, sql: (text) => sql(text).catch(rollback(database)) };
    });

    describe('plain SQL', () => plainSqlContract(() => current));
    describe('values', () => valuesContract(() => current));
    describe('damage', () => damageContract(() => current));
    describe('constraints', () => constraintsContract(() => current));
  });
}

/** A failed script leaves PGlite's only connection inside its transaction. */
const rollback = (database: Database) => async (error: unknown) => {
  if (database.engine === 'pglite') await database.script('ROLLBACK');
  throw error;
};

const AB = `INSERT INTO nodes VALUES ('a', '{Thing}', '{"x":1}'), ('b', '{Thing}', '{}')`;

async function changesOf(graph: EmbeddedGraph): Promise<EntityChange[]> {
  return (await drain(graph)).flatMap(({ changes }) => [...changes]);
}

function plainSqlContract(current: () => SqlGraph): void {
  test('is captured, the database user being the actor', async () => {
    const { graph, sql, database } = current();
    await sql(`${AB}; INSERT INTO relationships VALUES ('r', 'KNOWS', 'a', 'b')`);
    const user = (await database.query<{ u: string }>('SELECT session_user::text AS u')).rows[0]?.u;
    const [only] = await drain(graph);
    expect(only).toMatchObject({ source: 'SQL', actor: user, session: null, operation: null, cut: true });
    expect(only?.changes).toEqual([
      changeTo(null, nodeOf('a', { x: 1 })),
      changeTo(null, nodeOf('b')),
      changeTo(null, relationshipOf('r', 'a', 'b')),
    ]);
  });

  test('says with set_config who writes in which session; its source stays SQL', async () => {
    const { graph, sql } = current();
    await sql(`SELECT set_config('palinode.session', 'etl', true), set_config('palinode.actor', 'robot', true),
      set_config('palinode.source', 'BASELINE', true), set_config('palinode.operation', 'x', true); ${AB}`);
    await sql(`INSERT INTO nodes VALUES ('c')`);
    const [first, second] = await drain(graph);
    expect(first).toMatchObject({ source: 'SQL', actor: 'robot', session: 'etl', operation: null });
    expect(second?.session).toBeNull();
    expect(second?.actor).not.toBe('robot');
  });

  test('reordered or repeated labels are no change, and read as a set', async () => {
    const { graph, sql } = current();
    await sql(`INSERT INTO nodes VALUES ('a', '{b,a,b}')`);
    expect(await changesOf(graph)).toEqual([changeTo(null, nodeOf('a', {}, ['a', 'b']))]);
    await sql(`UPDATE nodes SET labels = '{a,b}'`);
    await sql(`UPDATE nodes SET labels = '{a,b}'`);
    expect(await changesOf(graph)).toEqual([]);
    expect((await graph.pending()).transactions).toBe(0n);
  });

  test.each([
    [
      'ON CONFLICT DO UPDATE',
      `INSERT INTO nodes VALUES ('a', '{Thing}', '{"x":2}'), ('c', '{Thing}', '{}')
       ON CONFLICT (key) DO UPDATE SET properties = excluded.properties`,
      [changeTo(nodeOf('a', { x: 1 }), nodeOf('a', { x: 2 })), changeTo(null, nodeOf('c'))],
    ],
    [
      'a data-modifying CTE',
      `WITH gone AS (DELETE FROM nodes WHERE key = 'b' RETURNING *)
       INSERT INTO nodes SELECT 'c', labels, properties FROM gone`,
      [changeTo(nodeOf('b'), null), changeTo(null, nodeOf('c'))],
    ],
    [
      'a CTE that deletes and creates under one key',
      `WITH gone AS (DELETE FROM nodes WHERE key = 'a' RETURNING *)
       INSERT INTO nodes SELECT key, labels, '{"y":1}' FROM gone`,
      [changeTo(nodeOf('a', { x: 1 }), nodeOf('a', { y: 1 }))],
    ],
    [
      'MERGE, whose inserts are reported before its deletions',
      `MERGE INTO nodes AS n USING (VALUES (1, 'a', false), (2, 'a', true)) AS s (i, key, fresh) ON n.key = s.key AND NOT s.fresh
       WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (key, labels, properties) VALUES (s.key, '{Thing}', '{"x":9}')`,
      [changeTo(nodeOf('a', { x: 1 }), nodeOf('a', { x: 9 }))],
    ],
    [
      'savepoints',
      `SAVEPOINT s; UPDATE nodes SET properties = '{"x":7}'; ROLLBACK TO s; DELETE FROM nodes WHERE key = 'b'; SAVEPOINT t;
       INSERT INTO nodes VALUES ('c'); ROLLBACK TO t`,
      [changeTo(nodeOf('b'), null)],
    ],
    [
      'constraints made immediate half way',
      `DELETE FROM nodes WHERE key = 'b'; SET CONSTRAINTS ALL IMMEDIATE; DELETE FROM nodes WHERE key = 'a'`,
      [changeTo(nodeOf('a', { x: 1 }), null), changeTo(nodeOf('b'), null)],
    ],
    ['TRUNCATE', 'TRUNCATE nodes, relationships', [changeTo(nodeOf('a', { x: 1 }), null), changeTo(nodeOf('b'), null)]],
    [
      'a transaction in the replica role',
      `SET LOCAL session_replication_role = replica; DELETE FROM nodes WHERE key = 'b'`,
      [changeTo(nodeOf('b'), null)],
    ],
  ])('captures %s', async (_, text, expected) => {
    const { graph, sql } = current();
    await sql(AB);
    await drain(graph);
    await sql(text);
    expect(await changesOf(graph)).toEqual(expected);
    expect(await graph.pending()).toEqual({ transactions: 0n, changes: 0n, oldest: null, newest: null });
  });

  test('captures what a row trigger of the user adds, in the order in which it happened', async () => {
    const { graph, sql } = current();
    await sql(`${AB}; CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN UPDATE nodes SET properties = properties || ''{"stamped":true}'' WHERE key = NEW.key; RETURN NULL; END';
      CREATE TRIGGER stamp AFTER UPDATE ON nodes FOR EACH ROW WHEN (NOT NEW.properties ? 'stamped') EXECUTE FUNCTION stamp()`);
    await drain(graph);
    await sql(`UPDATE nodes SET properties = '{"x":2}' WHERE key = 'a'`);
    expect(await changesOf(graph)).toEqual([changeTo(nodeOf('a', { x: 1 }), nodeOf('a', { x: 2, stamped: true }))]);
  });

  test('captures COPY', async () => {
    const { graph, schema, sql } = current();
    // A file of the database server's own, or of PGlite's file system in memory.
    const file = `/tmp/${schema}_${process.pid}.copy`;
    await sql(`COPY (SELECT 'n' || i, '{Thing}' FROM generate_series(1, 20) AS i) TO '${file}'`);
    await sql(`COPY nodes (key, labels) FROM '${file}'`);
    expect(await changesOf(graph)).toHaveLength(20);
  });

  test('a key, a type and ends never change in place', async () => {
    const { sql } = current();
    await sql(`${AB}; INSERT INTO relationships VALUES ('r', 'KNOWS', 'a', 'b')`);
    for (const text of [
      `UPDATE nodes SET key = 'c' WHERE key = 'b'`,
      `UPDATE relationships SET type = 'LIKES'`,
      `UPDATE relationships SET end_key = 'a'`,
    ]) {
      await expect(sql(text)).rejects.toThrow(/delete it and create another/);
    }
  });

  test('TRUNCATE in a snapshot that may be older than some rows is refused', async () => {
    const { database, schema } = current();
    const work = database.transaction((tx) => tx.script(`TRUNCATE ${schema}.nodes, ${schema}.relationships`), {
      isolation: 'repeatable read',
    });
    await expect(work).rejects.toThrow(/use READ COMMITTED/);
  });

  test('a writer with rights on the two tables alone is captured', async () => {
    const { graph, sql, schema } = current();
    await sql(`CREATE ROLE w_${schema}; GRANT USAGE ON SCHEMA ${schema} TO w_${schema};
      GRANT SELECT, INSERT, UPDATE, DELETE ON nodes, relationships TO w_${schema}`);
    await sql(`SET LOCAL ROLE w_${schema}; ${AB}; UPDATE nodes SET properties = '{"d":{"$date":"2024-02-29"}}'`);
    expect(await changesOf(graph)).toHaveLength(2);
    await expect(sql(`SET LOCAL ROLE w_${schema}; DELETE FROM outbox`)).rejects.toThrow(/permission denied/);
  });

  test('an unfinished transaction holds nothing up and comes later', async () => {
    const { graph, second, schema } = current();
    if (second === undefined) return;
    const replay = new Replay();
    await put(graph, [nodeOf('shared')]);
    await second.transaction(async (tx) => {
      await tx.query(`INSERT INTO ${schema}.nodes VALUES ('early')`);
      await put(graph, [nodeOf('late'), relationshipOf('r', 'late', 'shared')]);
      const scan = await scanOf(graph);
      expect(scan.map(({ cut }) => cut).at(-1)).toBe(true);
      replay.follow(scan);
    });
    replay.follow(await scanOf(graph));
    expect([...replay.states.keys()]).toEqual(['n:shared', 'n:late', 'r:r', 'n:early']);
  });

  test("a constraint of the user's own is part of the schema, and named when it refuses", async () => {
    const { graph, sql } = current();
    await sql(`CREATE UNIQUE INDEX one_email ON nodes ((properties ->> 'email')); CREATE INDEX by_label ON nodes USING gin (labels);
      ALTER TABLE relationships ADD CONSTRAINT no_loops CHECK (start_key <> end_key)`);
    expect((await graph.readSchema()).map(({ name, kind }) => [name, kind])).toEqual([
      ['by_label', 'INDEX'],
      ['no_loops', 'CHECK'],
      ['one_email', 'UNIQUE INDEX'],
    ]);
    const twice = put(graph, [nodeOf('a', { email: 'x@y' }), nodeOf('b', { email: 'x@y' })]);
    await expect(twice).rejects.toMatchObject({ name: 'ConstraintError', constraint: 'one_email' });
    const loop = put(graph, [nodeOf('a'), relationshipOf('r', 'a', 'a')]);
    await expect(loop).rejects.toMatchObject({ name: 'ConstraintError', constraint: 'no_loops' });
  });
}
