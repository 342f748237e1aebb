import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import neo4j, { type Driver } from 'neo4j-driver';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { changedAspects } from '../../src/core/aspects.ts';
import { type EntityId, type EntityState, entityId } from '../../src/core/entities.ts';
import type { Scope } from '../../src/core/scope.ts';
import type { RecordedChange } from '../../src/ports/history.ts';
import type { OperationRecord } from '../../src/ports/operation-store.ts';
import type { RollbackRequest } from '../../src/services/contract.ts';
import { DiffEngine } from '../../src/services/diff-engine.ts';
import { type Cast, writeTogether } from './bolt-writers.ts';
import { neo4jEngine, type OpenedGraphEngine } from './graph-engines.ts';
import { replay } from './graph-story.ts';
import { liveByCypher } from './plain-cypher.ts';
import { applied, expectWhole, hasAny, overwritten, type States, statesOf } from './recorded-states.ts';
import { CALLER } from './rollback-world.ts';
import { administer } from './triggers.ts';
import { openVerifyingWorld, type VerifyingWorld } from './verifying-world.ts';

/** A scope by labels. */
const LABELS = ['A', 'Many'];

const arbSeed = fc.nat(1e9);
const arbPolicy = fc.constantFrom('SKIP' as const, 'OVERWRITE' as const);
type Way = { readonly strategy: 'IMMEDIATE' } | { readonly strategy: 'GRADUAL'; readonly batchSize: number };
const arbWay = fc.constantFrom<Way>({ strategy: 'IMMEDIATE' }, { strategy: 'GRADUAL', batchSize: 5 });
/** How a GRADUAL rollback is refused that cannot be cut into batches. */
const TOO_MUCH = /^\d+ changes belong together, more than a batch may hold/;

/**
 * The invariants of docs/SPEC.md on a real Neo4j: sessions write at random over Bolt at the same time, knowing nothing of the service, and
 * what the graph holds before and after is read by plain Cypher.
 */
export function describeNeo4jInvariants(numRuns: number, timeoutMs: number): void {
  jest.setTimeout(timeoutMs);
  const runs = { numRuns, endOnFailure: true };

  describe('on a Neo4j that sessions write to at random, at the same time', () => {
    let engine: OpenedGraphEngine;
    let opened: VerifyingWorld;
    let world: VerifyingWorld['world'];
    let driver: Driver;
    let connection: Connection;
    beforeAll(async () => {
      engine = await neo4jEngine[1]();
      const url = engine.neo4j ?? '';
      opened = await openVerifyingWorld(engine, { neo4j: url, queue: 'direct' });
      world = opened.world;
      driver = neo4j.driver(url, undefined, { useBigInt: true });
      connection = new Connection({ url });
    });
    afterAll(async () => {
      await driver?.close();
      await connection?.close();
      await opened?.close();
    });

    const live = (): Promise<Map<EntityId, EntityState>> => liveByCypher(connection);

    const now = async (): Promise<bigint> => (await world.moments.live(world.graphId)).seq;

    const write = (seed: number, cast: Cast): Promise<void> => writeTogether(driver, seed, cast);

    const recorded = async (seq: bigint): Promise<States> => {
      const states = new Map<EntityId, EntityState>();
      for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
        const { items } = await world.history.scanAt(world.graphId, seq, { kind }, { limit: 100_000 });
        for (const state of items) states.set(entityId(state), state);
      }
      return states;
    };

    /** A graph to begin with, small enough that writers meet. */
    const begin = async (seed: number): Promise<bigint> => {
      await driver.executeQuery('MATCH (n) WHERE NOT n:_PalinodeOutbox AND NOT n:_PalinodeMarker DETACH DELETE n');
      await write(seed, { ada: { sessions: 3, transactions: 3 } });
      const seq = await now();
      expect(await recorded(seq)).toEqual(await live());
      return seq;
    };

    const changesSince = async (since: bigint, actor?: string): Promise<RecordedChange[]> =>
      (await world.history.changes(world.graphId, { since, actor }, { limit: 100_000 })).items.slice();

    /** What is recorded is what is there, and capture knows of nothing amiss. */
    const expectRecorded = async (): Promise<void> => {
      const seq = await now();
      expect(await recorded(seq)).toEqual(await live());
      expect(await world.history.graph(world.graphId)).toMatchObject({ captureError: null, reconciled: 0n });
    };

    const proofOf = async ({ id }: OperationRecord) => (await world.details(id))?.proof ?? null;

    const endOf = async ({ id, status }: OperationRecord) => [status, (await world.details(id))?.error_message];

    /** What belongs together may be more than a batch may hold: then nothing is written, and it has to be asked for as one transaction. */
    const inBatchesOrAtOnce = async (
      way: Way,
      begin: (way: Way) => Promise<OperationRecord>,
    ): Promise<OperationRecord> => {
      const before = await live();
      const operation = await begin(way);
      const [status, error] = await endOf(operation);
      if (way.strategy === 'IMMEDIATE' || status !== 'FAILED') return operation;
      expect([error, await live()]).toEqual([expect.stringMatching(TOO_MUCH), before]);
      return begin({ strategy: 'IMMEDIATE' });
    };

    const rollback = (request: Partial<RollbackRequest>, way: Way): Promise<OperationRecord> =>
      inBatchesOrAtOnce(way, (chosen) => world.rollback({ ...request, ...chosen }));

    test(
      '1, 5, 9: a restore gives the graph as it was, its undo the graph before it, and the undo of that again',
      async () => {
        await fc.assert(
          fc.asyncProperty(arbSeed, arbWay, async (seed, way) => {
            const point = await begin(seed);
            const then = await live();
            await write(seed + 1, { ada: { sessions: 2, transactions: 3 }, bob: { sessions: 2, transactions: 3 } });
            await now();
            const before = await live();
            const restored = await rollback({ to: { seq: point }, policy: { default: 'ABORT' } }, way);
            expect(await endOf(restored)).toEqual(['COMPLETED', null]);
            expect(await live()).toEqual(then);
            if (restored.outcome !== 'APPLIED') return;
            expect(await proofOf(restored)).toMatchObject({ method: 'CONTINUOUS_CHECKSUM', matches: true });
            const policy = { default: 'ABORT' } as const;
            const undone = await world.settle(await world.manager.undo(CALLER, { id: restored.id, policy }));
            expect([undone.outcome, await live()]).toEqual(['APPLIED', before]);
            const redone = await world.settle(await world.manager.undo(CALLER, { id: undone.id, policy }));
            expect([redone.outcome, await live()]).toEqual(['APPLIED', then]);
            await expectRecorded();
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
          fc.asyncProperty(arbSeed, arbWay, async (seed, way) => {
            const start = await begin(seed);
            const then = await live();
            await write(seed + 1, { u: { sessions: 1, transactions: 1 }, v: { sessions: 2, transactions: 1 } });
            await now();
            const theirs = await changesSince(start, 'v');
            const undo = { by: { actor: 'u' }, from: { seq: start } };
            const before = await live();
            const operation = await rollback({ undo, policy: { default: 'ABORT' } }, way);
            if (operation.status === 'ABORTED') return expect(await live()).toEqual(before);
            clean += 1;
            expect(await endOf(operation)).toEqual(['COMPLETED', null]);
            expect(await live()).toEqual(replay(then, theirs));
          }),
          { ...runs, numRuns: numRuns * 3 },
        );
        expect(clean).toBeGreaterThan(0);
      },
      timeoutMs,
    );

    test(
      '3, 7: what a preview lists is what is written, within the scope and its cascade, and nothing else',
      async () => {
        await fc.assert(
          fc.asyncProperty(arbSeed, arbPolicy, arbWay, fc.boolean(), async (seed, policy, way, byLabel) => {
            const start = await begin(seed);
            await write(seed + 1, { u: { sessions: 2, transactions: 2 }, v: { sessions: 2, transactions: 2 } });
            await now();
            const before = await live();
            const keys = [...before.values()].filter((_, at) => at % 2 === 0).map(({ key }) => key);
            const scope: Scope = byLabel ? { labels: LABELS } : { keys: keys.slice(0, 500) };
            const undo = { by: { actor: 'u' }, from: { seq: start } };
            const preview = await world.rollback({ undo, scope, dryRun: true, policy: { default: policy } });
            expect(await live()).toEqual(before);
            if ((await world.plans.openConflicts(preview.id)).count > 0n) return;
            const listed = (await world.planRows(preview.id)).filter(({ state }) => state === 'PENDING');
            const plan = { id: preview.id, expectPlan: preview.planHash ?? '' };
            const done = await inBatchesOrAtOnce(way, async (chosen) =>
              world.settle(await world.manager.execute(CALLER, { ...plan, ...chosen })),
            );
            const written = (await world.planRows(done.id)).filter(({ state }) => state === 'APPLIED');
            expect(written).toEqual(listed.map((row) => ({ ...row, state: 'APPLIED' })));
            const after = await live();
            const ids = new Set(written.map(({ kind, key }) => `${kind === 0 ? 'n' : 'r'}:${key}`));
            const differing = [...new Set([...before.keys(), ...after.keys()])].filter(
              (id) => changedAspects(before.get(id) ?? null, after.get(id) ?? null).length > 0,
            );
            expect(differing.filter((id) => !ids.has(id))).toEqual([]);
            const states = [...before.values(), ...after.values(), ...(await changesSince(start)).flatMap(statesOf)];
            const labelled = new Set(states.filter((state) => hasAny(state, LABELS)).map(({ key }) => key));
            for (const { kind, key, cascade } of written) {
              if (cascade) continue;
              const tie = [before, after].map((side) => side.get(`r:${key}`)).find((state) => state !== undefined);
              if (!byLabel) expect(keys).toContain(key);
              else if (kind === 0) expect(labelled).toContain(key);
              else
                expect(tie?.kind === 'RELATIONSHIP' && [tie.start, tie.end].some((end) => labelled.has(end))).toBe(
                  true,
                );
            }
            await expectRecorded();
          }),
          runs,
        );
      },
      timeoutMs,
    );

    test(
      '4: what others write meanwhile is never overwritten, while it is skipped',
      async () => {
        let met = 0;
        await fc.assert(
          fc.asyncProperty(arbSeed, fc.boolean(), async (seed, isRestore) => {
            const start = await begin(seed);
            await write(seed + 1, { u: { sessions: 3, transactions: 4 } });
            await now();
            const what = isRestore ? { to: { seq: start } } : { undo: { by: { actor: 'u' }, from: { seq: start } } };
            const id = await world.request({
              ...what,
              policy: { default: 'SKIP' },
              strategy: 'GRADUAL',
              batchSize: 20,
            });
            await write(seed + 2, { v: { sessions: 2, transactions: 4 } });
            const operation = await world.settle(id);
            const [status, error] = await endOf(operation);
            // That more belongs together than a batch may hold is not known before.
            if (status === 'FAILED') expect(error).toMatch(TOO_MUCH);
            else expect(['COMPLETED', 'PARTIALLY_COMPLETED']).toContain(status);
            await expectRecorded();
            const head = operation.headSeq ?? 0n;
            const changes = await changesSince(0n);
            const ours = await world.history.transactions(world.graphId, { operationId: id }, { limit: 10_000 });
            const seqs = new Set(ours.items.map(({ seq }) => seq));
            met += changes.filter(({ seq }) => seq > head && !seqs.has(seq)).length;
            expect(overwritten(changes, head, seqs)).toEqual([]);
          }),
          runs,
        );
        expect(met).toBeGreaterThan(0);
      },
      timeoutMs,
    );

    test(
      '8, 11: every cut is whole, and what differs between two makes one of the other',
      async () => {
        const { history, moments, deps } = world;
        const engine = new DiffEngine({ history, moments, scopes: deps.scopes });
        await fc.assert(
          fc.asyncProperty(arbSeed, async (seed) => {
            const start = await begin(seed);
            const cuts = [{ seq: start, states: await live() }];
            for (let round = 1; round <= 3; round += 1) {
              await write(seed + round, { ada: { sessions: 4, transactions: 2 } });
              cuts.push({ seq: await now(), states: await live() });
            }
            const diff = async (from: bigint, to: bigint) => {
              const view = await engine.between(world.graphId, { seq: from }, { seq: to }, null);
              return (await view.changes({}, { limit: 100_000 })).items.map(({ position: _, ...change }) => change);
            };
            for (const [at, a] of cuts.entries()) {
              expect(await recorded(a.seq)).toEqual(a.states);
              expect(await diff(a.seq, a.seq)).toEqual([]);
              for (const b of cuts.slice(at + 1)) {
                const forth = await diff(a.seq, b.seq);
                expect(applied(a.states, forth)).toEqual(b.states);
                const back = await diff(b.seq, a.seq);
                expect(back).toEqual(
                  forth.map((change) => ({ ...change, before: change.after, after: change.before })),
                );
              }
            }
            const { items } = await history.transactions(world.graphId, { since: start }, { limit: 10_000 });
            for (const { seq, cut } of items) if (cut) expectWhole(await recorded(seq));
          }),
          runs,
        );
      },
      timeoutMs,
    );

    test(
      '12: writes that nobody captured are promised nothing, and found by a comparison',
      async () => {
        await fc.assert(
          fc.asyncProperty(arbSeed, fc.constantFrom('stop' as const, 'drop' as const), async (seed, procedure) => {
            const point = await begin(seed);
            const then = await live();
            await write(seed + 1, { ada: { sessions: 2, transactions: 2 } });
            await administer(driver, procedure);
            await write(seed + 2, { bob: { sessions: 2, transactions: 2 } });
            await driver.executeQuery('CREATE (:Unseen)');
            await expect(world.request({ to: { seq: point } })).rejects.toMatchObject({ code: 'CAPTURE_UNAVAILABLE' });
            const { matches, status } = await opened.verify();
            expect(status).toBe('DONE');
            expect(matches).toBe(false);
            expect(await recorded(await now())).toEqual(await live());
            // Whatever was there at the point is put back. That nothing else is there is not proved by a checksum across the gap.
            const restored = await world.rollback({ to: { seq: point }, policy: { default: 'ABORT' } });
            expect(await endOf(restored)).toEqual(['COMPLETED', null]);
            expect(await live()).toEqual(then);
            expect((await proofOf(restored))?.method).not.toBe('CONTINUOUS_CHECKSUM');
          }),
          runs,
        );
      },
      timeoutMs,
    );
  });
}
