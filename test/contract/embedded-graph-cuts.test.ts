import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CutJudge, isVisible, parseSnapshot } from '../../src/adapters/embedded-graph/cuts.ts';
import { EmbeddedGraph } from '../../src/adapters/embedded-graph/embedded-graph.ts';
import type { SqlExecutor } from '../../src/ports/database.ts';
import { scanOf } from '../support/captured.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

describe('judging cuts', () => {
  test('a snapshot sees what had ended before it', () => {
    const snapshot = parseSnapshot('10:15:10,13');
    expect([9n, 10n, 11n, 13n, 14n, 15n].filter((xid) => isVisible(snapshot, xid))).toEqual([9n, 11n, 14n]);
    expect(isVisible(parseSnapshot('7:7:'), -3n)).toBe(true);
  });

  test('a transaction is a cut when all so far had ended at the horizon of the next', () => {
    const judge = new CutJudge(0n);
    expect(judge.isCut(5n, 6n)).toBe(true);
    expect(judge.isCut(8n, 7n)).toBe(false);
    expect(judge.isCut(6n, 8n)).toBe(false);
    expect(judge.isCut(9n, 10n)).toBe(true);
    expect(judge.isCut(12n, null)).toBe(true);
  });

  test('what was recorded before counts too', () => {
    expect(new CutJudge(20n).isCut(5n, 6n)).toBe(false);
  });
});

/** The instant between a transaction's place in the order and its commit, held open by the test. */
describe('a transaction that has its place but has not committed', () => {
  let created: TestDatabase;
  let graph: EmbeddedGraph;
  beforeEach(async () => {
    created = await createTestDatabase({ poolSize: 6 });
    graph = new EmbeddedGraph(created.database, 'cuts');
    await graph.attach();
    await created.database.script(`
      CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON graph_cuts.nodes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.key LIKE 'held%') EXECUTE FUNCTION hold()`);
  });
  afterEach(async () => created[Symbol.asyncDispose]());

  const insert = (on: SqlExecutor, key: string) => on.query('INSERT INTO graph_cuts.nodes VALUES ($1)', [key]);
  const keysAndCuts = async () =>
    (await scanOf(graph)).map(({ changes, cut }) => [changes.map(({ key }) => key).join(), cut]);

  /** Starts a transaction that draws its number, then waits. The function returned lets it commit. */
  async function commitHeld(key: string): Promise<() => Promise<void>> {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let locked = () => {};
    const ready = new Promise<void>((resolve) => {
      locked = resolve;
    });
    const holder = created.database.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock(42)');
      locked();
      await held;
    });
    await ready;
    // The first insert queues the numbering, the second the wait after it.
    const waiting = created.database.transaction(async (tx) => {
      await insert(tx, key);
      await insert(tx, `held ${key}`);
    });
    // Locks are shown of the whole server, other suites' too.
    const blocked = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    while ((await created.database.query(blocked)).rows.length === 0) await new Promise((done) => setTimeout(done, 5));
    return async () => {
      release();
      await Promise.all([holder, waiting]);
    };
  }

  test('is no cut without those that committed before it', async () => {
    const commit = await commitHeld('x');
    await insert(created.database, 'y');
    expect(await keysAndCuts()).toEqual([['y', true]]);
    await commit();
    expect(await keysAndCuts()).toEqual([
      ['held x,x', false],
      ['y', true],
    ]);
  });

  test('is remembered when a reader dies half way', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const early = created.database.transaction(async (tx) => {
      await insert(tx, 'early');
      begun.resolve();
      await gate.promise;
    });
    await begun.promise;
    const commit = await commitHeld('x');
    gate.resolve();
    await early;
    await insert(created.database, 'last');
    await commit();
    const [x, ...rest] = await scanOf(graph);
    expect(rest).toHaveLength(2);
    await graph.acknowledge([x?.id ?? '']);
    // {x, early} never was: early and last had committed before x did.
    expect(await keysAndCuts()).toEqual([
      ['early', false],
      ['last', true],
    ]);
  });
});
