import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Aspect } from '../../src/core/aspects.ts';
import { type EntityRef, entityId } from '../../src/core/entities.ts';
import type { PlanInput } from '../../src/core/plan.ts';
import { arbEdit, arbNames, edited, REFS } from './plan-histories.ts';
import { type OracleInput, oraclePlan } from './plan-oracle.ts';
import type { RecordedGraph } from './recorded-graph.ts';

const ASPECTS: readonly Aspect[] = ['existence', 'labels', 'p:p', 'p:q'];
const arbScope = fc.oneof({ weight: 2, arbitrary: fc.constant([...ASPECTS]) }, fc.subarray([...ASPECTS]));

/** Whose writes are to be taken back, what may be written, how the window starts, and what others write after the history. */
const arbRequest = fc.record({
  undo: fc.oneof(
    { weight: 4, arbitrary: arbNames.map((names) => ({ names })) },
    fc.nat(14).map((since) => ({ since })),
  ),
  scope: arbScope,
  early: fc.bigInt(0n, 3n),
  late: fc.array(fc.tuple(fc.constantFrom(...REFS), arbEdit), { maxLength: 2 }),
});

/** Asserts that planner and oracle agree about every entity of random histories. */
export function agree(arbHistory: fc.Arbitrary<() => RecordedGraph>, numRuns: number): void {
  fc.assert(
    fc.property(arbHistory, arbRequest, (history, request) => {
      const graph = history();
      const isUndone =
        'names' in request.undo ? graph.by(...request.undo.names) : graph.since(BigInt(request.undo.since));
      const first = graph.txs.find((tx) => isUndone(tx.seq))?.seq ?? graph.head + 1n;
      for (const ref of REFS) {
        const from = first - 1n - request.early;
        const late = request.late.filter(([of]) => of === ref);
        const live = late.reduce((state, [, edit]) => edited(ref, state, edit), graph.state(ref));
        const inScope = (aspect: string): boolean => request.scope.some((name) => name === aspect);
        const plan = graph.plan(ref, isUndone, { inScope, live, ...(from >= 0n && { from }) });
        const conflicts = plan.conflicts.map(({ type, aspect, property, base, target, live: now }) => {
          const sides = aspect === 'LABEL' ? [base, target, now].map(labelsOf) : [base, target, now];
          return { type, aspect, property, base: sides[0], target: sides[1], live: sides[2] };
        });
        const seen = { after: plan.after, overwritten: plan.overwritten, conflicts };
        expect(seen).toEqual(oraclePlan(oracleInput(graph, ref, { isUndone, inScope, live })));
      }
    }),
    { numRuns },
  );
}

function oracleInput(
  graph: RecordedGraph,
  ref: EntityRef,
  rest: Pick<PlanInput, 'isUndone' | 'live'> & Pick<OracleInput, 'inScope'>,
): OracleInput {
  const id = entityId(ref);
  const steps = (graph.versions.get(id) ?? []).flatMap(({ seq, state }) => {
    const tx = graph.txs.find((other) => other.seq === seq);
    if (tx === undefined) return [];
    const isFresh = (aspect: string): boolean => tx.chosen.has(`${id} ${aspect}`) || tx.chosen.has(`${id} *`);
    return [{ tx: { seq, undid: tx.undid, isFresh }, state }];
  });
  return { ref, steps, ...rest };
}

function labelsOf(value: unknown): unknown {
  if (value === null) return null;
  const [list] = Object.values(Object(value));
  return Object(list).values;
}
