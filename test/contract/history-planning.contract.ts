import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import type { Contributor } from '../../src/adapters/postgres/history/transactions.ts';
import { addSummaries, NO_CHANGES, summarize } from '../../src/core/diff.ts';
import { entityId } from '../../src/core/entities.ts';
import type { PageRequest } from '../../src/core/moments.ts';
import type { UndoSelector, UndoSet } from '../../src/core/undo-set.ts';
import type { Database } from '../../src/ports/database.ts';
import type { DiffPosition, History } from '../../src/ports/history.ts';
import { arbHistory, HistoryModel, OPERATIONS } from '../support/history-model.ts';
import { allPages, appendAll, openForRecording, sliced } from '../support/history-writer.ts';
import type { OpenDatabase } from './history.contract.ts';

const arbSelector: fc.Arbitrary<UndoSelector> = fc.oneof(
  fc.constantFrom<UndoSelector>({ by: 'restore' }, { by: 'everyone' }),
  fc.constantFrom('s1', 's2').map((sessionId) => ({ by: 'session' as const, sessionId })),
  fc.constantFrom('ada', 'bob').map((actor) => ({ by: 'actor' as const, actor })),
  fc.constantFrom(...OPERATIONS).map((operationId) => ({ by: 'operation' as const, operationId })),
  fc.array(fc.bigInt(1n, 12n), { maxLength: 5 }).map((seqs) => ({ by: 'transactions' as const, seqs })),
);
const arbSet = fc
  .record({ selector: arbSelector, from: fc.bigInt(0n, 6n), until: fc.bigInt(0n, 12n) })
  .map((set): UndoSet => set);

/** What planning reads: undo sets, who did how much, moments. */
export function historyPlanningContract(name: string, open: OpenDatabase): void {
  describe(`history for planning on ${name}`, () => {
    let history: History;
    let database: Database;
    let close: () => Promise<void>;
    let graphs = 0;

    beforeAll(async () => {
      ({ database, close } = await open());
      history = new PostgresHistory(database);
    });
    afterAll(() => close());

    async function holds(check: (id: number, model: HistoryModel, set: UndoSet, limit: number) => Promise<void>) {
      const limits = fc.integer({ min: 1, max: 4 });
      const property = fc.asyncProperty(arbHistory, arbSet, limits, async (specs, set, limit) => {
        const model = new HistoryModel(specs);
        graphs += 1;
        const lease = await openForRecording(history, `p${graphs}`);
        await appendAll(history, lease, sliced(model.transactions, 3));
        await check(lease.graphId, model, set, limit);
      });
      await fc.assert(property, { numRuns: 40, endOnFailure: false });
    }

    test('an undo set has the members that its selector means', () =>
      holds(async (id, model, set) => {
        const members = model.transactions
          .filter((transaction) => model.isMember(set, transaction))
          .map(({ seq }) => seq);
        const asked = model.transactions.map(({ seq }) => seq);
        expect(await history.members(id, set, asked)).toEqual(new Set(members));
        const [first] = members;
        const last = members.at(-1);
        const extent = first === undefined ? null : { first, last, transactions: BigInt(members.length) };
        expect(await history.extentOf(id, set)).toEqual(extent);
      }));

    test('what an undo set touched is listed by first touch, each entity once', () =>
      holds(async (id, model, set, limit) => {
        const seen = new Set<string>();
        const expected = model.transactions
          .filter((transaction) => model.isMember(set, transaction))
          .flatMap(({ seq, changes }) => changes.map(({ kind, key }) => ({ seq, kind, key })))
          .filter((touch) => !seen.has(entityId(touch)) && seen.add(entityId(touch)));
        for (const backwards of [false, true]) {
          const read = (page: PageRequest<DiffPosition>) => history.touchedBy(id, set, page);
          const found = await allPages(read, ({ position }) => position, limit, backwards);
          expect(found.map(({ position }) => position)).toEqual(expected);
        }
      }));

    test('the versions of a window begin with the one that was valid at its start', () =>
      holds(async (id, model, { from, until }) => {
        const found = await history.windowVersions(id, model.refs(), from, until);
        for (const ref of model.refs()) {
          const seqs = model.transactions
            .filter(({ seq, changes }) => seq <= until && changes.some((c) => entityId(c) === entityId(ref)))
            .map(({ seq }) => seq);
          const start = seqs.findLast((seq) => seq <= from);
          const expected = [...(start === undefined ? [] : [start]), ...seqs.filter((seq) => seq > from)];
          const versions = found.get(entityId(ref)) ?? [];
          expect(versions.map(({ seq }) => seq)).toEqual(from > until ? versions.map(({ seq }) => seq) : expected);
          for (const { seq, state } of versions) expect(state).toEqual(model.stateAt(entityId(ref), seq));
        }
      }));

    test('contributions and sessions sum up what their transactions did', () =>
      holds(async (id, model, { from, until }, limit) => {
        const found = await allPages(
          (page: PageRequest<Contributor>) => history.contributions(id, from, until, page),
          ({ actor, sessionId }) => ({ actor, sessionId }),
          limit,
        );
        const inside = model.transactions.filter((t) => t.seq > from && t.seq <= until && t.source !== 'BASELINE');
        const who = ({ actor, session }: (typeof inside)[number]) => JSON.stringify([actor, session]);
        expect(found.length).toBe(new Set(inside.map(who)).size);
        for (const { actor, sessionId, transactions, summary } of found) {
          const own = inside.filter((transaction) => who(transaction) === JSON.stringify([actor, sessionId]));
          expect(transactions).toBe(BigInt(own.length));
          expect(summary).toEqual(own.map((t) => summarize(t.changes)).reduce(addSummaries, NO_CHANGES));
        }
        expect(await history.sessionSummaries(['unknown'])).toEqual(new Map([['unknown', NO_CHANGES]]));
        const order = found.map(({ actor, sessionId }) => [actor ?? '~', sessionId ?? '~'].join());
        expect(order).toEqual([...order].sort());
      }));

    test('a time means the newest transaction up to it, a seq the newest cut', () =>
      holds(async (id, model) => {
        const first = await history.transactionsBySeq(id, [0n]);
        expect(first.get(0n)).toMatchObject({ source: 'BASELINE', changeCount: 0n, cut: true });
        const all = (await history.transactions(id, {}, { limit: 100 })).items;
        const bounds = [
          { time: new Date(0) },
          ...all.map(({ time }) => ({ time })),
          { seq: -1n },
          ...all.map(({ seq }) => ({ seq })).reverse(),
          { seq: 2n ** 63n - 1n },
        ];
        const newest = all.map(({ time }) => all.findLast((other) => other.time <= time));
        expect(await history.cutsAt(id, bounds)).toEqual([null, ...newest, null, ...all.toReversed(), all.at(-1)]);
        const baseline = model.transactions.findLast(({ source }) => source === 'BASELINE');
        expect((await history.earliest(id)).seq).toBe(baseline?.seq ?? 0n);
        const ids = model.transactions.map((transaction) => transaction.id);
        const byId = await history.transactionsByFeedId(id, ids);
        expect(ids.map((feedId) => byId.get(feedId)?.seq)).toEqual(model.transactions.map(({ seq }) => seq));
      }));
  });
}
