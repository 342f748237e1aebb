import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type ApiChange,
  type ApiGraph,
  applied,
  changesBetween,
  idOf,
  plain,
  readDiff,
  readGraph,
  replayed,
} from './api-graph.ts';
import { type ApiStep, arbApiStory, NODES, transactionOf } from './api-story.ts';
import { archivedGraph, settledPoint, storedArchive } from './archives.ts';
import { engines, type OpenedEngine } from './engines.ts';
import type { Answer } from './graphql-client.ts';
import { type Service, startService } from './service.ts';
import { endService } from './suite-end.ts';

const PLAN = `query ($id: ID!, $after: String) { rollbackOperation(id: $id) { openConflictCount plan(first: 200, after: $after) {
  nodes { state reason change { key kind action } } pageInfo { hasNextPage endCursor } } cascade(first: 500) { nodes { key kind } } } }`;

const arbPolicy = fc.constantFrom('SKIP' as const, 'OVERWRITE' as const);
const arbSelector = fc.constantFrom('session' as const, 'actor' as const, 'transactions' as const);
type Selector = 'session' | 'actor' | 'transactions';

interface Played {
  readonly prefix: string;
  readonly undo: Answer;
  /** The graph before the first step and after each, with the seqs that go with it. */
  readonly states: readonly { readonly seq: string; readonly graph: ApiGraph }[];
  readonly start: ApiGraph;
  readonly theirs: readonly ApiChange[];
  readonly wrote: boolean;
}

/** The invariants of docs/SPEC.md as a client sees them: everything goes over HTTP, judged by a model that shares no code with the service. */
export function describeApiInvariants(numRuns: number, timeoutMs: number): void {
  const runs = { numRuns, endOnFailure: true };

  describe.each(engines)('through GraphQL on a random graph, on %s', (_, open) => {
    let engine: OpenedEngine;
    let service: Service;
    let stories = 0;
    beforeAll(async () => {
      engine = await open();
      service = await startService(engine.database);
    });
    afterAll(() => endService(service, engine));

    const live = async (): Promise<ApiGraph> => readGraph(service.client);
    const head = async (): Promise<string> =>
      (await service.client.data('{ graph(name: "demo") { head { seq } } }')).graph.head.seq;

    /** Plays a story on keys of its own; the graph must be what the model says after every step. */
    async function play(steps: readonly ApiStep[], selector: Selector = 'session'): Promise<Played> {
      stories += 1;
      const prefix = `s${stories}-`;
      const actor = { u: `u${stories}`, other: `o${stories}` };
      const open = (by: 'u' | 'other') =>
        service.made('openSession', 'id', { graph: 'demo', name: `${by}${stories}`, actor: actor[by], point: false });
      const session = selector === 'session' ? { u: (await open('u')).id, other: (await open('other')).id } : null;
      const start = await live();
      let graph = start;
      const from = await head();
      const states = [{ seq: from, graph }];
      const theirs: ApiChange[] = [];
      const mine: string[] = [];
      for (const { by, edits } of steps) {
        const { writes, after } = transactionOf(graph, prefix, edits);
        if (writes.length === 0) continue;
        const writer = session === null ? { actor: actor[by] } : { session: session[by] };
        const made = await service.made('writeGraph', 'changed transaction { seq }', {
          graph: 'demo',
          ...writer,
          changes: writes,
        });
        const changes = changesBetween(graph, after);
        expect(made.changed).toBe(changes.length > 0);
        if (!made.changed) continue;
        if (by === 'other') theirs.push(...changes);
        else mine.push(made.transaction.seq);
        graph = after;
        states.push({ seq: made.transaction.seq, graph });
      }
      const since = { seq: from };
      const undo =
        session !== null
          ? { by: { session: session.u } }
          : selector === 'actor'
            ? { by: { actor: actor.u }, from: since }
            : { by: { transactions: mine } };
      return { prefix, undo, states, start, theirs, wrote: mine.length > 0 };
    }

    const roll = async (input: Answer): Promise<Answer> =>
      service.ended((await service.made('rollback', 'id', { graph: 'demo', ...input })).id);

    async function planOf(id: string): Promise<{ rows: Answer[]; cascade: string[]; open: string }> {
      const rows: Answer[] = [];
      for (let after: string | null = null; ; ) {
        const read: Answer = await service.client.data(PLAN, { id, after });
        const { plan, cascade, openConflictCount } = read.rollbackOperation;
        rows.push(...plan.nodes.map(({ state, change }: Answer) => ({ state, ...change })));
        if (!plan.pageInfo.hasNextPage)
          return {
            rows,
            cascade: cascade.nodes.map(({ kind, key }: Answer) => idOf(kind, key)),
            open: openConflictCount,
          };
        after = plan.pageInfo.endCursor;
      }
    }

    test(
      '1: a restore, to a point or a moment, gives the graph as it was',
      async () => {
        await fc.assert(
          fc.asyncProperty(arbApiStory, arbApiStory, fc.boolean(), async (before, after, byPoint) => {
            await play(before);
            const point = await service.made('createRollbackPoint', 'id seq checksum nodeCount', {
              graph: 'demo',
              name: 'P',
            });
            const expected = plain(await live());
            const { states } = await play(after);
            expect(plain(await live())).toEqual(plain(states.at(-1)?.graph ?? new Map()));
            const to = byPoint ? { point: point.id } : { seq: point.seq };
            const operation = await roll({ to, onConflict: { default: 'ABORT' } });
            expect(operation).toMatchObject({ status: 'COMPLETED', errorMessage: null });
            expect(plain(await live())).toEqual(expected);
            const { graph } = await service.client.data('{ graph(name: "demo") { checksum nodeCount } }');
            expect(graph).toEqual({ checksum: point.checksum, nodeCount: point.nodeCount });
            if (operation.outcome === 'APPLIED') {
              expect(operation.proof).toEqual({ method: 'CONTINUOUS_CHECKSUM', matches: true });
            }
          }),
          runs,
        );
      },
      timeoutMs,
    );

    test(
      '2: undoing a writer without conflict gives the graph in which he never wrote',
      async () => {
        let clean = 0;
        await fc.assert(
          fc.asyncProperty(arbApiStory, arbSelector, async (steps, selector) => {
            const { undo, start, theirs, wrote } = await play(steps, selector);
            if (!wrote && selector === 'transactions') return;
            const operation = await roll({ undo, onConflict: { default: 'ABORT' } });
            if (operation.status === 'ABORTED') return;
            clean += 1;
            expect(operation).toMatchObject({ status: 'COMPLETED', errorMessage: null });
            expect(plain(await live())).toEqual(plain(replayed(start, theirs)));
          }),
          { ...runs, numRuns: numRuns * 2 },
        );
        expect(clean).toBeGreaterThan(1);
      },
      timeoutMs,
    );

    test(
      '3: nothing outside the scope and its listed closure is written',
      async () => {
        await fc.assert(
          fc.asyncProperty(arbApiStory, arbPolicy, fc.nat(NODES - 1), async (steps, policy, at) => {
            const { prefix, undo } = await play(steps);
            const before = await live();
            const keys = [`${prefix}${at}`, `${prefix}${at}-${(at + 1) % NODES}`];
            const operation = await roll({ undo, scope: { keys }, onConflict: { default: policy } });
            expect(['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED']).toContain(operation.status);
            const { cascade } = await planOf(operation.id);
            const allowed = new Set([
              ...keys.flatMap((key) => [idOf('NODE', key), idOf('RELATIONSHIP', key)]),
              ...cascade,
            ]);
            for (const { id } of changesBetween(before, await live())) expect(allowed).toContain(id);
          }),
          runs,
        );
      },
      timeoutMs,
    );

    test(
      '5, 7: an execution writes what its preview lists; undo and redo give both graphs again',
      async () => {
        await fc.assert(
          fc.asyncProperty(arbApiStory, arbPolicy, async (steps, policy) => {
            const { undo } = await play(steps);
            const before = await live();
            const preview = await roll({ undo, dryRun: true, onConflict: { default: policy } });
            expect(plain(await live())).toEqual(plain(before));
            const listed = await planOf(preview.id);
            if (listed.open !== '0' || preview.status !== 'COMPLETED') return;
            const { id } = await service.made('executeRollback', 'id', {
              id: preview.id,
              expectPlan: preview.planHash,
            });
            const done = await service.ended(id);
            const pending = listed.rows.filter(({ state }) => state === 'PENDING');
            const written = (await planOf(id)).rows.filter(({ state }) => state === 'APPLIED');
            expect(written).toEqual(pending.map((row) => ({ ...row, state: 'APPLIED' })));
            const after = await live();
            expect(
              changesBetween(before, after)
                .map((change) => change.id)
                .sort(),
            ).toEqual(written.map(({ kind, key }) => idOf(kind, key)).sort());
            if (written.length === 0) return;
            // Overwriting keeps what is needed by what comes back: a node that would have vanished stays as the end of a relationship.
            const keeps = listed.rows.some(({ state }) => state === 'SKIPPED');
            expect(done).toMatchObject({
              outcome: policy === 'SKIP' ? expect.any(String) : keeps ? 'SKIPPED' : 'APPLIED',
              rehearsalOf: { id: preview.id },
            });
            const onConflict = { default: 'ABORT' };
            const undone = await service.ended((await service.made('undoRollback', 'id', { id, onConflict })).id);
            expect(undone).toMatchObject({ outcome: 'APPLIED', undoes: { id } });
            expect(plain(await live())).toEqual(plain(before));
            const redone = await service.ended(
              (await service.made('undoRollback', 'id', { id: undone.id, onConflict })).id,
            );
            expect(redone.outcome).toBe('APPLIED');
            expect(plain(await live())).toEqual(plain(after));
          }),
          runs,
        );
      },
      timeoutMs,
    );

    test(
      '8: a diff leads from one moment to the other, from a moment to itself there is nothing, backwards it is reversed',
      async () => {
        await fc.assert(
          fc.asyncProperty(
            arbApiStory,
            fc.nat(),
            fc.nat(),
            fc.integer({ min: 1, max: 7 }),
            async (steps, one, two, page) => {
              const { states } = await play(steps);
              const [a, b] = [states[one % states.length], states[two % states.length]];
              if (a === undefined || b === undefined) throw new Error('a story has a beginning');
              const changes = await readDiff(service.client, { seq: a.seq }, { seq: b.seq }, page);
              expect(plain(applied(a.graph, changes))).toEqual(plain(b.graph));
              expect(changes).toEqual(changesBetween(a.graph, b.graph));
              expect(await readDiff(service.client, { seq: a.seq }, { seq: a.seq })).toEqual([]);
              expect(await readDiff(service.client, { seq: b.seq }, { seq: a.seq }, page)).toEqual(
                changesBetween(b.graph, a.graph),
              );
              expect(plain(await readGraph(service.client, a.seq, page))).toEqual(plain(a.graph));
            },
          ),
          runs,
        );
      },
      timeoutMs,
    );

    test(
      '9: every value survives writing, capture, point, archive, diff and restore',
      async () => {
        await fc.assert(
          fc.asyncProperty(arbApiStory, fc.boolean(), async (steps, gone) => {
            const { states, prefix } = await play(steps);
            const written = states.at(-1)?.graph ?? new Map();
            expect(plain(await live())).toEqual(plain(written));
            const pin = { graph: 'demo', name: 'values', archive: true };
            const point = await service.made('createRollbackPoint', 'id', pin);
            const { snapshots } = await settledPoint(service.client, point.id);
            expect(plain(archivedGraph(await storedArchive(service, snapshots[1].id)))).toEqual(plain(written));
            await service.made('validateRollbackPoint', 'id', { id: point.id });
            expect((await settledPoint(service.client, point.id)).status).toBe('VALID');
            const nodes = [...written.keys()].filter((id) => id.startsWith(`n:${prefix}`)).map((id) => id.slice(2));
            const changes = nodes.map((key) =>
              gone
                ? { deleteNode: { key, cascade: true } }
                : { putNode: { key, labels: ['Over'], set: [], replace: true } },
            );
            if (changes.length === 0) return;
            await service.made('writeGraph', 'changed', { graph: 'demo', actor: 'eve', changes });
            const after = await live();
            expect(await readDiff(service.client, { point: point.id }, null)).toEqual(changesBetween(written, after));
            expect((await roll({ to: { point: point.id } })).status).toBe('COMPLETED');
            expect(plain(await live())).toEqual(plain(written));
          }),
          runs,
        );
      },
      timeoutMs,
    );
  });
}
