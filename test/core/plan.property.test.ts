import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Aspect, changedAspects } from '../../src/core/aspects.ts';
import { choiceProblem } from '../../src/core/conflict-choice.ts';
import type { EntityRef, EntityState } from '../../src/core/entities.ts';
import { type ConflictChoice, planEntity, resolvePlan } from '../../src/core/plan.ts';
import { verdictOn } from '../../src/core/verdict.ts';
import { arbHistory, arbNames, REFS, worldWithout, wrote } from '../support/plan-histories.ts';
import type { RecordedGraph } from '../support/recorded-graph.ts';

const RUNS = { numRuns: 300 };
const ALWAYS_TARGET = (): ConflictChoice => ({ side: 'TARGET' });

function states(graph: RecordedGraph): (EntityState | null)[] {
  return REFS.map((ref) => graph.state(ref));
}

describe('an undo', () => {
  test('without conflicts gives the graph in which the transactions never happened', () => {
    fc.assert(
      fc.property(arbHistory, arbNames, (history, names) => {
        const graph = history();
        const isUndone = graph.by(...names);
        for (const ref of REFS) {
          const plan = graph.plan(ref, isUndone);
          if (plan.conflicts.length > 0) continue;
          expect(plan.after).toEqual(worldWithout(graph, ref, isUndone));
        }
      }),
      RUNS,
    );
  });

  test('gives the same whatever the window starts with', () => {
    fc.assert(
      fc.property(arbHistory, arbNames, fc.bigInt(0n, 14n), (history, names, from) => {
        const graph = history();
        const isUndone = graph.by(...names);
        const first = graph.txs.find((tx) => isUndone(tx.seq))?.seq ?? 0n;
        for (const ref of REFS) {
          const plan = graph.plan(ref, isUndone, { from: 0n });
          const { after, conflicts, overwritten } = graph.plan(ref, isUndone, { from: from < first ? from : 0n });
          expect({ after, conflicts, overwritten }).toEqual({
            after: plan.after,
            conflicts: plan.conflicts,
            overwritten: plan.overwritten,
          });
        }
      }),
      RUNS,
    );
  });

  test('loses nothing that others wrote last, unless a conflict says so', () => {
    fc.assert(
      fc.property(arbHistory, arbNames, (history, names) => {
        const graph = history();
        const isUndone = graph.by(...names);
        for (const ref of REFS) {
          const { live, after } = graph.plan(ref, isUndone);
          for (const aspect of changedAspects(live, after)) {
            const last = graph.txs.findLast((tx) => wrote(graph, ref, aspect, tx.seq));
            // What a rollback wrote last may be the undo set's own value, put back; no labels are nothing to lose.
            if (last === undefined || last.undid !== null || (after === null && isUnlabelled(aspect, live))) continue;
            expect([aspect, isUndone(last.seq)]).toEqual([aspect, true]);
          }
        }
      }),
      RUNS,
    );
  });

  test('writes nothing outside its scope', () => {
    const arbScope = fc.subarray<Aspect>(['existence', 'labels', 'p:p', 'p:q']);
    fc.assert(
      fc.property(arbHistory, arbNames, arbScope, (history, names, scope) => {
        const graph = history();
        const isUndone = graph.by(...names);
        for (const ref of REFS) {
          const plan = graph.plan(ref, isUndone, { inScope: (aspect) => scope.includes(aspect) });
          for (const after of [plan.after, plan.overwritten]) {
            const changed = changedAspects(plan.live, after);
            // Existence takes with it everything that the entity holds.
            if ((plan.live === null) !== (after === null)) expect(scope).toContain('existence');
            else expect(scope).toEqual(expect.arrayContaining(changed));
          }
        }
      }),
      RUNS,
    );
  });

  test('done twice finds nothing more to do where nothing was in conflict', () => {
    fc.assert(
      fc.property(arbHistory, arbNames, (history, names) => {
        const graph = history();
        const isUndone = graph.by(...names);
        const clear = REFS.filter((ref) => graph.plan(ref, isUndone).conflicts.length === 0);
        graph.undo('once', isUndone);
        for (const ref of clear) expect(graph.plan(ref, isUndone)).toMatchObject({ action: null, conflicts: [] });
      }),
      RUNS,
    );
  });

  test('of one writer and then of another gives the graph without both', () => {
    fc.assert(
      fc.property(arbHistory, (history) => {
        const graph = history();
        const [first, second] = [graph.by('A'), graph.by('B')];
        const both = REFS.map((ref) => worldWithout(graph, ref, (seq) => first(seq) || second(seq)));
        const settled = REFS.map((ref) => takesAll(graph, ref, first));
        graph.undo('first', first);
        for (const [index, ref] of REFS.entries()) {
          const plan = graph.plan(ref, second);
          if (settled[index] && plan.conflicts.length === 0) expect(plan.after).toEqual(both[index]);
        }
      }),
      RUNS,
    );
  });
});

function isUnlabelled(aspect: Aspect, state: EntityState | null): boolean {
  return aspect === 'labels' && state?.kind === 'NODE' && state.labels.length === 0;
}

/** Whether every value is put back. Where others had left it as it should be, nothing is written that a later plan could build on. */
function takesAll(graph: RecordedGraph, ref: EntityRef, isUndone: (seq: bigint) => boolean): boolean {
  const input = graph.input(ref, isUndone, 0n);
  const aspects: Aspect[] = ['existence', 'labels', 'p:p', 'p:q'];
  const verdicts = aspects.flatMap((aspect) => verdictOn(input, aspect) ?? []);
  return planEntity(input).conflicts.length === 0 && verdicts.every(({ kind }) => kind === 'TAKE');
}

describe('a restore', () => {
  test('gives exactly what was at the point, without conflicts', () => {
    fc.assert(
      fc.property(arbHistory, fc.nat(20), (history, at) => {
        const graph = history();
        const point = BigInt(at) > graph.head ? graph.head : BigInt(at);
        for (const ref of REFS) {
          const plan = graph.plan(ref, graph.since(point), { from: point });
          expect(plan.conflicts).toEqual([]);
          expect(plan.after).toEqual(graph.stateAt(ref, point));
        }
      }),
      RUNS,
    );
  });
});

describe('a rollback', () => {
  test('can be undone, and that again, whatever was decided in it', () => {
    const arbDecisions = fc.infiniteStream(
      fc.constantFrom<ConflictChoice>(
        { side: 'LIVE' },
        { side: 'TARGET' },
        { side: 'BASE' },
        { side: 'MERGED' },
        { value: 7 },
        { absent: true },
      ),
    );
    fc.assert(
      fc.property(arbHistory, arbNames, arbDecisions, (history, names, decisions) => {
        const graph = history();
        const before = states(graph);
        graph.undo('rollback', graph.by(...names), (conflict) => {
          const choice = decisions.next().value;
          return choiceProblem(conflict, choice) === null ? choice : { side: 'LIVE' };
        });
        const after = states(graph);
        graph.undo('undo', graph.by('rollback'));
        expect(states(graph)).toEqual(before);
        graph.undo('redo', graph.by('undo'));
        expect(states(graph)).toEqual(after);
        graph.undo('undo again', graph.by('redo'));
        expect(states(graph)).toEqual(before);
      }),
      RUNS,
    );
  });

  test('leaves a history in which writers can still be told apart', () => {
    fc.assert(
      fc.property(arbHistory, arbNames, arbNames, (history, names, others) => {
        const graph = history();
        graph.undo('rollback', graph.by(...names));
        graph.undo('redo', graph.by('rollback'));
        const isUndone = graph.by(...others);
        for (const ref of REFS) {
          const plan = graph.plan(ref, isUndone);
          if (plan.conflicts.length === 0) expect(plan.after).toEqual(worldWithout(graph, ref, isUndone));
        }
      }),
      RUNS,
    );
  });
});

describe('a plan', () => {
  test('resolves to what it announced', () => {
    fc.assert(
      fc.property(arbHistory, arbNames, (history, names) => {
        const graph = history();
        for (const ref of REFS) {
          const plan = graph.plan(ref, graph.by(...names));
          expect(graph.plan(ref, graph.by(...names))).toEqual(plan);
          expect(resolvePlan(plan, () => ({ side: 'LIVE' }))).toMatchObject({ after: plan.after, action: plan.action });
          expect(resolvePlan(plan, ALWAYS_TARGET)).toMatchObject({
            after: plan.overwritten,
            origins: plan.overwrittenOrigins,
            skipped: false,
          });
        }
      }),
      RUNS,
    );
  });
});
