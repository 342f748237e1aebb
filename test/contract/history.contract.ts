import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { addSummaries, applyChanges, NO_CHANGES, summarize } from '../../src/core/diff.ts';
import { type EntityRef, entityId } from '../../src/core/entities.ts';
import type { Page, PageRequest } from '../../src/core/moments.ts';
import type { Database } from '../../src/ports/database.ts';
import type { DiffEntry, DiffPosition, DiffSpan, History } from '../../src/ports/history.ts';
import { nodeRef } from '../support/captured.ts';
import { arbHistory, byKindAndKey, HistoryModel } from '../support/history-model.ts';
import { allPages, appendAll, openForRecording, sliced } from '../support/history-writer.ts';

export type OpenDatabase = () => Promise<{ database: Database; close(): Promise<void> }>;

/** What history must answer, compared with a model that keeps every state of the whole graph. */
export function historyContract(name: string, open: OpenDatabase): void {
  describe(`history on ${name}`, () => {
    let history: History;
    let close: () => Promise<void>;
    let graphs = 0;

    beforeAll(async () => {
      const opened = await open();
      close = opened.close;
      history = new PostgresHistory(opened.database);
    });
    afterAll(() => close());

    async function recorded(model: HistoryModel, sliceSize: number): Promise<number> {
      graphs += 1;
      const lease = await openForRecording(history, `g${graphs}`);
      await appendAll(history, lease, sliced(model.transactions, sliceSize));
      return lease.graphId;
    }

    /** Checks a property of random histories, appended in slices of random size. */
    async function holds(check: (id: number, model: HistoryModel, limit: number) => Promise<void>): Promise<void> {
      const sizes = fc.integer({ min: 1, max: 5 });
      const property = fc.asyncProperty(arbHistory, sizes, sizes, async (specs, sliceSize, limit) => {
        const model = new HistoryModel(specs);
        await check(await recorded(model, sliceSize), model, limit);
      });
      await fc.assert(property, { numRuns: 15, endOnFailure: false });
    }

    const seqsOf = (model: HistoryModel) => Array.from({ length: Number(model.head) + 1 }, (_, seq) => BigInt(seq));

    test('a state at any seq is what the graph held then', () =>
      holds(async (id, model, limit) => {
        for (const seq of seqsOf(model)) {
          const expected = model.at(seq);
          expect(await history.statesAt(id, seq, model.refs())).toEqual(expected);
          for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
            const found = await allPages(
              (page: PageRequest<string>) => history.scanAt(id, seq, { kind }, page),
              (state) => state.key,
              limit,
            );
            expect(found).toEqual([...expected.values()].filter((state) => state.kind === kind).sort(byKindAndKey));
          }
        }
      }));

    test('listing by label or type gives those that have it, in key order', () =>
      holds(async (id, model, limit) => {
        for (const seq of seqsOf(model).slice(-3)) {
          const states = [...model.at(seq).values()].sort(byKindAndKey);
          const nodes = (page: PageRequest<string>) => history.scanAt(id, seq, { kind: 'NODE', label: 'Draft' }, page);
          expect(await allPages(nodes, (state) => state.key, limit, limit % 2 === 0)).toEqual(
            states.filter((state) => state.kind === 'NODE' && state.labels.includes('Draft')),
          );
          const known = (page: PageRequest<string>) =>
            history.scanAt(id, seq, { kind: 'RELATIONSHIP', type: 'KNOWS' }, page);
          expect(await allPages(known, (state) => state.key, limit)).toEqual(
            states.filter((state) => state.kind === 'RELATIONSHIP' && state.type === 'KNOWS'),
          );
        }
      }));

    test('relationships of nodes at any seq, in key order, each once', () =>
      holds(async (id, model, limit) => {
        const keys = ['a', 'b', 'é'];
        for (const seq of seqsOf(model)) {
          const all = [...model.at(seq).values()].filter((state) => state.kind === 'RELATIONSHIP').sort(byKindAndKey);
          for (const direction of ['IN', 'OUT', 'BOTH'] as const) {
            const read = (page: PageRequest<string>) => history.incidentAt(id, seq, keys, { direction }, page);
            expect(await allPages(read, (state) => state.key, limit)).toEqual(
              all.filter(
                ({ start, end }) =>
                  (direction !== 'IN' && keys.includes(start)) || (direction !== 'OUT' && keys.includes(end)),
              ),
            );
          }
        }
      }));

    test('a diff of two seqs, applied to the first state, gives the second; it is ordered by last change', () =>
      holds(async (id, model, limit) => {
        for (const from of seqsOf(model)) {
          for (const to of seqsOf(model).filter((seq) => seq >= from)) {
            const read = (page: PageRequest<DiffPosition>) => diffPage(id, from, to, page);
            const found = await allPages(read, (change) => change.position, limit, limit % 2 === 0);
            expect(found).toEqual(
              model.diff(from, to).map(({ seq, ...change }) => ({
                ...change,
                position: { seq, kind: change.kind, key: change.key },
              })),
            );
            expect(applyChanges(model.at(from), found)).toEqual(model.at(to));
          }
        }
      }));

    /** The page of one diff that is read among others, which must not show in it. */
    async function diffPage(
      id: number,
      from: bigint,
      to: bigint,
      { after, before, ...page }: PageRequest<DiffPosition>,
    ): Promise<Page<DiffEntry>> {
      const others = [
        { from: 0n, to },
        { from, to },
        { from: to, to },
      ];
      const spans = [...others, { from, to, after, before }, ...others];
      const pages = await history.diffs(id, spans, {}, page);
      expect(pages).toHaveLength(spans.length);
      expect(pages.slice(0, 3)).toEqual(pages.slice(-3));
      return pages[3] ?? { items: [], hasMore: false };
    }

    test('diffs of a kind, each from its own position, are those of each alone', () =>
      holds(async (id, model, limit) => {
        const spans = seqsOf(model).flatMap((from) =>
          seqsOf(model)
            .filter((to) => to >= from)
            .map((to) => ({ from, to })),
        );
        for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
          for (const backwards of [false, true]) {
            let open = spans.map((span) => ({
              span,
              found: [] as DiffEntry[],
              at: undefined as DiffPosition | undefined,
            }));
            const all = open;
            while (open.length > 0) {
              const asked = open.map(({ span, at }) => ({ ...span, ...(backwards ? { before: at } : { after: at }) }));
              const pages = await history.diffs(id, asked, { kind }, { limit, backwards });
              open = open.filter((each, index) => {
                const { items, hasMore } = pages[index] ?? { items: [], hasMore: false };
                each.found.splice(backwards ? 0 : each.found.length, 0, ...items);
                each.at = (backwards ? items[0] : items.at(-1))?.position;
                return hasMore;
              });
            }
            expect(all.map(({ found }) => found.map(({ position }) => position))).toEqual(
              spans.map(({ from, to }) =>
                model
                  .diff(from, to)
                  .flatMap(({ seq, key, ...change }) => (change.kind === kind ? { seq, kind, key } : [])),
              ),
            );
          }
        }
      }));

    test('positions outside of a diff say no more than its ends', () =>
      holds(async (id, model) => {
        const { head } = model;
        const beyond = { seq: head + 1n, kind: 'NODE', key: 'a' } as const;
        const below = { seq: 0n, kind: 'NODE', key: 'a' } as const;
        for (const to of seqsOf(model)) {
          for (const from of seqsOf(model).filter((seq) => seq <= to)) {
            const asked = [
              { from, to },
              { from, to, before: beyond },
              { from, to, before: { ...beyond, seq: to + 1n } },
              { from, to, after: below },
            ];
            const [plain, ...others] = await history.diffs(id, asked, {}, { limit: 100 });
            for (const other of others) expect(other).toEqual(plain);
          }
        }
      }));

    test('counts of diffs, a few changes at a time, add up to all of them', () =>
      holds(async (id, model, limit) => {
        const spans = seqsOf(model).map((from) => ({ from, to: model.head }));
        let open = spans.map((span) => ({ span: { ...span } as DiffSpan, summary: NO_CHANGES }));
        const all = open;
        while (open.length > 0) {
          const counts = await history.countDiffs(
            id,
            open.map(({ span }) => span),
            limit,
          );
          open = open.filter((each, index) => {
            const counted = counts[index] ?? { summary: NO_CHANGES, last: null };
            each.summary = addSummaries(each.summary, counted.summary);
            each.span = { ...each.span, after: counted.last ?? undefined };
            return counted.last !== null;
          });
        }
        expect(all.map(({ summary }) => summary)).toEqual(spans.map(({ from, to }) => summarize(model.diff(from, to))));
      }));

    test('states at many places are those of each', () =>
      holds(async (id, model) => {
        const places = seqsOf(model).flatMap((seq) => model.refs().map((ref) => ({ ...ref, seq })));
        expect(await history.statesAtPlaces(id, places)).toEqual(
          places.map((place) => model.at(place.seq).get(entityId(place)) ?? null),
        );
      }));

    test('changes of all transactions, and of each, are those that were captured', () =>
      holds(async (id, model, limit) => {
        const expected = model.transactions.flatMap(({ seq, changes }) =>
          changes.map((change) => ({ ...change, seq })),
        );
        const positionOf = ({ seq, kind, key }: (typeof expected)[number]) => ({ seq, kind, key });
        for (const kind of [undefined, 'NODE', 'RELATIONSHIP'] as const) {
          for (const backwards of [false, true]) {
            const read = (page: PageRequest<DiffPosition>) => history.changes(id, { kind }, page);
            expect(await allPages(read, positionOf, limit, backwards)).toEqual(
              expected.filter((change) => kind === undefined || change.kind === kind),
            );
          }
        }
        for (const { seq, changes } of model.transactions) {
          const read = async ({ after, before, ...page }: PageRequest<EntityRef>) => {
            const others = model.transactions.map((each) => ({ seq: each.seq }));
            const pages = await history.changesOf(id, [...others, { seq, after, before }, ...others], page);
            expect(pages.slice(0, others.length)).toEqual(pages.slice(others.length + 1));
            return pages[others.length] ?? { items: [], hasMore: false };
          };
          for (const backwards of [false, true]) {
            const found = await allPages(read, ({ kind, key }) => ({ kind, key }), limit, backwards);
            expect(found).toEqual(changes.map((change) => ({ ...change, seq })));
          }
        }
      }));

    test('transactions keep who wrote, count what they did, and sum up to checksum and counts of the state', () =>
      holds(async (id, model, limit) => {
        const read = (page: PageRequest<bigint>) => history.transactions(id, { since: 0n }, page);
        const found = await allPages(read, ({ seq }) => seq, limit);
        expect(found.map(({ seq }) => seq)).toEqual(seqsOf(model).slice(1));
        for (const [index, transaction] of found.entries()) {
          const captured = model.transactions[index];
          const states = [...model.at(transaction.seq).values()];
          expect(transaction).toMatchObject({
            actor: captured?.actor,
            sessionId: captured?.session,
            source: captured?.source,
            operationId: captured?.operation,
            cut: true,
            changeCount: BigInt(captured?.changes.length ?? 0),
            summary: summarize(captured?.changes ?? []),
            nodeCount: BigInt(states.filter((state) => state.kind === 'NODE').length),
            relationshipCount: BigInt(states.filter((state) => state.kind === 'RELATIONSHIP').length),
          });
          expect(Buffer.from(transaction.checksum).equals(model.checksumAt(transaction.seq))).toBe(true);
          expect(transaction.time >= (found[index - 1]?.time ?? transaction.time)).toBe(true);
          expect(transaction.time >= (captured?.time ?? transaction.time)).toBe(true);
        }
        const graph = await history.graph(id);
        expect(graph?.head.seq).toBe(model.head);
        expect(Buffer.from(graph?.checksum ?? []).equals(model.checksumAt(model.head))).toBe(true);
      }));

    test("sessions' transactions, up to a seq, are those of each", () =>
      holds(async (id, model, limit) => {
        const sessions = [...new Set(model.transactions.flatMap(({ session }) => session ?? []))];
        for (const until of [model.head, model.head / 2n]) {
          for (const session of sessions) {
            for (const backwards of [false, true]) {
              const read = async (page: PageRequest<bigint>) => {
                const pages = await history.transactionsOfSessions(id, ['unknown', ...sessions], until, page);
                expect(pages.get('unknown')).toEqual({ items: [], hasMore: false });
                return pages.get(session) ?? { items: [], hasMore: false };
              };
              const found = await allPages(read, ({ seq }) => seq, limit, backwards);
              expect(found.map(({ seq, sessionId }) => [seq, sessionId])).toEqual(
                model.transactions.flatMap(({ seq, session: by }) =>
                  by === session && seq <= until ? [[seq, session]] : [],
                ),
              );
            }
          }
        }
      }));

    test('labels and types are counted', () =>
      holds(async (id, model, limit) => {
        const states = [...model.at(model.head).values()];
        const labels = states.flatMap((state) => (state.kind === 'NODE' ? state.labels : []));
        const types = states.flatMap((state) => (state.kind === 'RELATIONSHIP' ? [state.type] : []));
        for (const [kind, names] of [
          ['L', labels],
          ['T', types],
        ] as const) {
          const read = (page: PageRequest<string>) => history.names(id, kind, page);
          const counts = [...new Set(names)]
            .sort()
            .map((name) => ({ name, count: BigInt(names.filter((n) => n === name).length) }));
          expect(await allPages(read, ({ name }) => name, limit)).toEqual(counts);
        }
      }));

    test("an entity's timeline is every state it had, newest first", () =>
      holds(async (id, model, limit) => {
        for (const ref of model.refs()) {
          const touching = model.transactions.filter(({ changes }) =>
            changes.some((c) => entityId(c) === entityId(ref)),
          );
          const read = async (page: PageRequest<bigint>) => {
            const timelines = await history.timelines(id, [...model.refs(), nodeRef('never')], page);
            expect(timelines.get('n:never')).toEqual({ items: [], hasMore: false });
            return timelines.get(entityId(ref)) ?? { items: [], hasMore: false };
          };
          const found = await allPages(read, ({ from }) => from.seq, limit);
          expect(found.map(({ from, to, state }) => [from.seq, to?.seq ?? null, state])).toEqual(
            touching
              .map(({ seq }, index) => [seq, touching[index + 1]?.seq ?? null, model.stateAt(entityId(ref), seq)])
              .reverse(),
          );
        }
      }));
  });
}
