import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import type { EntityChange } from '../../src/core/entities.ts';
import type { FullTransaction } from '../../src/core/recording-types.ts';
import type { Database } from '../../src/ports/database.ts';
import type { History, RecorderLease } from '../../src/ports/history.ts';
import { StaleTokenError } from '../../src/ports/knowledge-graph.ts';
import { changeTo, nodeOf, nodeRef, relationshipOf, relationshipRef } from '../support/captured.ts';
import { appendAll, entriesFor, openForRecording, piecesOf } from '../support/history-writer.ts';
import type { OpenDatabase } from './history.contract.ts';

/** What recording must guarantee when it is repeated, interrupted or overtaken. */
export function historyRecordingContract(name: string, open: OpenDatabase): void {
  describe(`recording on ${name}`, () => {
    let history: History;
    let database: Database;
    let close: () => Promise<void>;
    let lease: RecorderLease;
    let graphs = 0;

    beforeAll(async () => {
      ({ database, close } = await open());
      history = new PostgresHistory(database);
    });
    afterAll(() => close());
    beforeEach(async () => {
      graphs += 1;
      lease = await openForRecording(history, `r${graphs}`);
    });

    const transaction = (id: string, changes: EntityChange[], rest: Partial<FullTransaction> = {}) => ({
      ...{ id, changes, time: new Date('2024-05-06'), source: 'API' as const, actor: null, session: null },
      ...{ operation: null, cut: true, first: true, last: true, ...rest },
    });
    const created = (...keys: string[]) => keys.map((key) => changeTo(null, nodeOf(key)));
    const head = async () => (await history.graph(lease.graphId))?.head.seq;
    const live = async (...keys: string[]) =>
      [...(await history.statesAt(lease.graphId, (await head()) ?? 0n, keys.map(nodeRef))).values()].map(
        ({ key }) => key,
      );

    test('an entity may change several times within one append', async () => {
      const [a1, a2] = [nodeOf('a', { n: 1 }), nodeOf('a', { n: 2 })];
      const slice = [
        transaction('t1', [changeTo(null, a1)]),
        transaction('t2', [changeTo(a1, a2)]),
        transaction('t3', [changeTo(a2, null)]),
        transaction('t4', [changeTo(null, a1)]),
      ];
      await appendAll(history, lease, [slice]);
      const timelines = await history.timelines(lease.graphId, [nodeRef('a')], { limit: 10 });
      expect(timelines.get('n:a')?.items.map(({ from, to, state }) => [from.seq, to?.seq, state])).toEqual([
        [4n, undefined, a1],
        [3n, 4n, null],
        [2n, 3n, a2],
        [1n, 2n, a1],
      ]);
    });

    test('entries that are recorded already are passed over', async () => {
      const entries = await entriesFor(history, lease.graphId, [
        transaction('t1', created('a')),
        transaction('t2', created('b')),
      ]);
      expect((await history.append(lease, entries)).map(({ seq }) => seq)).toEqual([1n, 2n]);
      expect(await history.append(lease, entries)).toEqual([]);
      expect(await head()).toBe(2n);
      expect(await history.known(lease.graphId, ['t1', 't2', 't3'])).toEqual(new Set(['t1', 't2']));
    });

    test('nothing of a transaction is there before its last slice', async () => {
      const large = piecesOf(transaction('large', created('a', 'b', 'c', 'd')), 2);
      await appendAll(history, lease, [[transaction('t1', created('z'))]]);
      await appendAll(
        history,
        lease,
        large.slice(0, 1).map((piece) => [piece]),
      );
      expect(await head()).toBe(1n);
      expect(await live('a', 'z')).toEqual(['z']);
      expect(await history.names(lease.graphId, 'L', { limit: 5 })).toMatchObject({
        items: [{ name: 'Thing', count: 1n }],
      });
      await appendAll(
        history,
        lease,
        large.slice(1).map((piece) => [piece]),
      );
      expect(await head()).toBe(2n);
      expect((await live('a', 'b', 'c', 'd')).sort()).toEqual(['a', 'b', 'c', 'd']);
      const [recorded] = (await history.transactionsBySeq(lease.graphId, [2n])).values();
      expect(recorded).toMatchObject({ changeCount: 4n, nodeCount: 5n, summary: { nodesCreated: 4n } });
      expect(await history.names(lease.graphId, 'L', { limit: 5 })).toMatchObject({
        items: [{ name: 'Thing', count: 5n }],
      });
    });

    test('what a dead recorder stored of a transaction is discarded, and what it closed reopens', async () => {
      const [a1, a2] = [nodeOf('a', { n: 1 }), nodeOf('a', { n: 2 })];
      await appendAll(history, lease, [[transaction('t1', [changeTo(null, a1)])]]);
      const large = piecesOf(transaction('large', [changeTo(a1, a2), ...created('b', 'c')]), 1);
      await appendAll(
        history,
        lease,
        large.slice(0, 2).map((piece) => [piece]),
      );
      expect((await history.current(lease.graphId, [nodeRef('a')])).get('n:a')?.state).toEqual(a2);
      await history.discardPartial(lease);
      expect(await history.current(lease.graphId, [nodeRef('a'), nodeRef('b')])).toMatchObject(
        new Map([['n:a', { state: a1 }]]),
      );
      await appendAll(history, lease, [[transaction('t2', [changeTo(a1, null)])]]);
      const timelines = await history.timelines(lease.graphId, [nodeRef('a')], { limit: 5 });
      expect(timelines.get('n:a')?.items.map(({ state }) => state)).toEqual([null, a1]);
    });

    test('a transaction begun anew replaces what was stored of it', async () => {
      const large = piecesOf(transaction('large', created('a', 'b', 'c')), 1).map((piece) => [piece]);
      await appendAll(history, lease, large.slice(0, 2));
      const anew = await entriesFor(history, lease.graphId, [transaction('other', created('x'))]);
      await history.append(lease, anew);
      expect(await live('a', 'x')).toEqual(['x']);
      await appendAll(history, lease, large);
      expect((await live('a', 'b', 'c')).sort()).toEqual(['a', 'b', 'c']);
    });

    test('a lease that was taken over stores nothing more', async () => {
      expect(await history.acquireLease(lease.graphId, 'other', 60_000)).toBeNull();
      await history.releaseLease(lease);
      const other = await history.acquireLease(lease.graphId, 'other', 1);
      expect(other?.token).toBeGreaterThan(lease.token);
      const entries = await entriesFor(history, lease.graphId, [transaction('t1', created('a'))]);
      await expect(history.append(lease, entries)).rejects.toThrow(StaleTokenError);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await history.acquireLease(lease.graphId, 'third', 60_000))?.token).toBeGreaterThan(other?.token ?? 0n);
      expect(await head()).toBe(0n);
    });

    test('an entry that does not follow the head is refused', async () => {
      const entries = await entriesFor(history, lease.graphId, [transaction('t1', created('a'))]);
      await appendAll(history, lease, [[transaction('t0', created('b'))]]);
      await expect(history.append(lease, entries)).rejects.toThrow(StaleTokenError);
    });

    test('relationships that a deleted node leaves behind are found', async () => {
      const [r, s] = [relationshipOf('r', 'a', 'b'), relationshipOf('s', 'b', 'c')];
      const ties = [changeTo(null, r), changeTo(null, s)];
      await appendAll(history, lease, [[transaction('t1', [...created('a', 'b', 'c'), ...ties])]]);
      expect(await history.leftBehind(lease.graphId, ['b'], [], 5)).toEqual([r, s]);
      expect(await history.leftBehind(lease.graphId, ['b'], ['r'], 5)).toEqual([s]);
      const deletion = piecesOf(
        transaction('t2', [changeTo(nodeOf('b'), null), changeTo(r, null), changeTo(s, null)]),
        1,
      );
      await appendAll(
        history,
        lease,
        deletion.slice(0, 2).map((piece) => [piece]),
      );
      expect(await history.leftBehind(lease.graphId, [], [], 5)).toEqual([s]);
    });

    test('origins are kept with the versions', async () => {
      const operation = '6f1c1a52-0000-4000-8000-000000000001';
      const [v0, v1] = [nodeOf('a', { p: 0, q: 'x' }), nodeOf('a', { p: 1, q: 'x' })];
      await appendAll(history, lease, [
        [transaction('t1', [changeTo(null, v0)]), transaction('t2', [changeTo(v0, v1)])],
      ]);
      const undo = transaction('t3', [changeTo(v1, v0)], { source: 'ROLLBACK', operation });
      const putBack = new Map([[operation, new Map([['n:a', { 'p:p': '1' }]])]]);
      await history.append(lease, await entriesFor(history, lease.graphId, [undo], putBack));
      const versions = (await history.windowVersions(lease.graphId, [nodeRef('a')], 0n, 3n)).get('n:a');
      expect(versions?.map(({ origins }) => origins)).toEqual([
        null,
        { existence: '1', labels: '1', 'p:q': '1' },
        { existence: '1', labels: '1', 'p:q': '1', 'p:p': '1' },
      ]);
    });

    test('missed changes are counted, a new epoch holds for what comes after', async () => {
      await appendAll(history, lease, [[transaction('t1', created('a'))]]);
      const begun = ['a gap', 'a gap', 'a gap'].map((error) =>
        history.beginGap(lease.graphId, error, true, [{ kind: 'GAP', message: error, key: null }]),
      );
      expect((await Promise.all(begun)).filter(Boolean)).toEqual([true]);
      expect(await history.beginGap(lease.graphId, 'the same gap, seen again', false, [])).toBe(false);
      await history.addCaptureProblems(lease.graphId, [{ kind: 'MISSED_WRITE', message: 'one', key: 'a' }]);
      await appendAll(history, lease, [[transaction('t2', created('b', 'c'), { source: 'RECONCILE', cut: false })]]);
      const graph = await history.graph(lease.graphId);
      expect(graph).toMatchObject({ epoch: 2, reconciled: 2n, captureError: 'a gap' });
      const recorded = await history.transactionsBySeq(lease.graphId, [1n, 2n]);
      expect([...recorded.values()].map(({ epoch, cut }) => [epoch, cut]).sort()).toEqual([
        [1, true],
        [2, false],
      ]);
      expect((await history.cutsAt(lease.graphId, [{ seq: 2n }]))[0]?.seq).toBe(1n);
      const problems = await history.captureProblems(lease.graphId, { limit: 5 });
      expect(problems.items).toMatchObject([
        { kind: 'GAP', message: 'a gap', key: null },
        { kind: 'MISSED_WRITE', message: 'one', key: 'a' },
      ]);
      expect(await history.endGap(lease.graphId, 2n)).toBe(false);
      expect(await history.endGap(lease.graphId, 3n)).toBe(true);
      expect(await history.graph(lease.graphId)).toMatchObject({ captureError: null, gaps: 3n, epoch: 2 });
    });

    test('a session sums up its transactions', async () => {
      const session = `session of ${lease.graphId}`;
      await database.query(
        `INSERT INTO sessions (id, graph_id, name, actor, opened_at) VALUES ($1, $2, 'import', 'ada', now())`,
        [session, lease.graphId],
      );
      const [first, second] = [created('a', 'b'), [changeTo(nodeOf('a'), null), ...created('c')]];
      await appendAll(history, lease, [
        [transaction('t1', first, { session }), transaction('t2', second, { session })],
      ]);
      const found = await history.sessionSummaries([session]);
      expect(found.get(session)).toMatchObject({ nodesCreated: 3n, nodesDeleted: 1n, nodesUpdated: 0n });
    });

    test('a node and a relationship may share a key', async () => {
      const changes = [...created('a', 'b'), changeTo(null, relationshipOf('a', 'a', 'b'))];
      await appendAll(history, lease, [[transaction('t1', changes)]]);
      const states = await history.statesAt(lease.graphId, 1n, [nodeRef('a'), relationshipRef('a')]);
      expect([...states.keys()].sort()).toEqual(['n:a', 'r:a']);
      expect(await history.presentNodes(lease.graphId, ['a', 'r'])).toEqual(new Set(['a']));
    });
  });
}
