import fc from 'fast-check';
import { type Aspect, aspectsOf, aspectValue, sameAspect, stateOf } from '../../src/core/aspects.ts';
import { type ConflictChoice, choiceProblem } from '../../src/core/conflict-choice.ts';
import { type EntityRef, type EntityState, entityId } from '../../src/core/entities.ts';
import type { Value } from '../../src/core/values.ts';
import { RecordedGraph } from './recorded-graph.ts';

export const REFS: readonly EntityRef[] = [
  { kind: 'NODE', key: 'a' },
  { kind: 'NODE', key: 'b' },
  { kind: 'RELATIONSHIP', key: 'a' },
];
export const WRITERS = ['A', 'B', 'C'] as const;

const arbSmallValue: fc.Arbitrary<Value> = fc.constantFrom<Value>(1, 2, 'x', { $float: '1.0' });
const arbProperties = fc.dictionary(fc.constantFrom('p', 'q'), arbSmallValue, { maxKeys: 2 });
const arbLabels = fc.constantFrom([], ['L'], ['L', 'M']);

/** What one transaction does to one entity; creating one that exists replaces its content, the rest does nothing to an absent one. */
export type Edit =
  | { readonly act: 'create'; readonly labels: readonly string[]; readonly properties: Readonly<Record<string, Value>> }
  | { readonly act: 'delete' }
  | { readonly act: 'set'; readonly name: string; readonly value: Value }
  | { readonly act: 'remove'; readonly name: string }
  | { readonly act: 'label'; readonly labels: readonly string[] };

export const arbEdit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constant('create' as const), labels: arbLabels, properties: arbProperties }),
  },
  { weight: 1, arbitrary: fc.constant({ act: 'delete' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ act: fc.constant('set' as const), name: fc.constantFrom('p', 'q'), value: arbSmallValue }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('remove' as const), name: fc.constantFrom('p', 'q') }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('label' as const), labels: arbLabels }) },
);

/** `undo` takes back writers, and earlier rollbacks by their number. */
type Step =
  | { readonly by: string; readonly edits: readonly (readonly [EntityRef, Edit])[] }
  | {
      readonly undo: readonly string[];
      readonly rollbacks: readonly number[];
      readonly choices: readonly ConflictChoice[];
    };

const arbWrite: fc.Arbitrary<Step> = fc.record({
  by: fc.constantFrom(...WRITERS),
  edits: fc.array(fc.tuple(fc.constantFrom(...REFS), arbEdit), { minLength: 1, maxLength: 3 }),
});
const arbUndo: fc.Arbitrary<Step> = fc.record({
  undo: fc.subarray([...WRITERS], { maxLength: 1 }),
  rollbacks: fc.uniqueArray(fc.nat(3), { maxLength: 1 }),
  choices: fc.constant([]),
});
const arbChoice = fc.constantFrom<ConflictChoice>(
  { side: 'LIVE' },
  { side: 'TARGET' },
  { side: 'BASE' },
  { side: 'MERGED' },
  { value: 2 },
  { absent: true },
);
const arbDecidedUndo: fc.Arbitrary<Step> = fc.record({
  undo: fc.subarray([...WRITERS], { maxLength: 1 }),
  rollbacks: fc.uniqueArray(fc.nat(3), { maxLength: 1 }),
  choices: fc.array(arbChoice, { minLength: 1, maxLength: 4 }),
});

/** A random history by several writers, with rollbacks whose conflicts were left as they are, and rollbacks of those; made anew at each call. */
export const arbHistory = historyOf(arbUndo);

/** The same with conflicts decided in every way. */
export const arbDecidedHistory = historyOf(arbDecidedUndo);

function historyOf(arbRollback: fc.Arbitrary<Step>): fc.Arbitrary<() => RecordedGraph> {
  const arbStep = fc.oneof({ weight: 5, arbitrary: arbWrite }, { weight: 2, arbitrary: arbRollback });
  return fc.array(arbStep, { minLength: 2, maxLength: 14 }).map((steps) => {
    const history = (): RecordedGraph => build(steps);
    return Object.assign(history, { [fc.toStringMethod]: () => fc.stringify(steps) });
  });
}

function build(steps: readonly Step[]): RecordedGraph {
  const graph = new RecordedGraph();
  let rollbacks = 0;
  for (const step of steps) {
    if ('by' in step) {
      write(graph, step.by, step.edits);
    } else {
      const names = [...step.undo, ...step.rollbacks.map((number) => `rollback ${number}`)];
      const { choices } = step;
      let asked = 0;
      graph.undo(`rollback ${rollbacks}`, graph.by(...names), (conflict) => {
        const choice = choices[asked % choices.length];
        asked += 1;
        return choice !== undefined && choiceProblem(conflict, choice) === null ? choice : { side: 'LIVE' };
      });
      rollbacks += 1;
    }
  }
  return graph;
}

/** Writers and rollbacks whose transactions are to be taken back. */
export const arbNames = fc.uniqueArray(fc.constantFrom(...WRITERS, 'rollback 0', 'rollback 1', 'rollback 2'), {
  minLength: 1,
  maxLength: 3,
});

export function write(graph: RecordedGraph, by: string, edits: readonly (readonly [EntityRef, Edit])[]): void {
  const after = new Map<string, { ref: EntityRef; after: EntityState | null }>();
  for (const [ref, edit] of edits) {
    const entry = after.get(entityId(ref));
    after.set(entityId(ref), { ref, after: edited(ref, entry === undefined ? graph.state(ref) : entry.after, edit) });
  }
  graph.commit(by, [...after.values()]);
}

export function edited(ref: EntityRef, state: EntityState | null, edit: Edit): EntityState | null {
  if (edit.act === 'delete') return null;
  if (edit.act === 'create') {
    const { labels, properties } = edit;
    return ref.kind === 'NODE'
      ? { kind: 'NODE', key: ref.key, labels, properties }
      : { kind: 'RELATIONSHIP', key: ref.key, type: 'T', start: 'a', end: labels.length > 0 ? 'a' : 'b', properties };
  }
  if (state === null) return null;
  if (edit.act === 'label') return state.kind === 'NODE' ? { ...state, labels: edit.labels } : state;
  const { [edit.name]: _, ...rest } = state.properties;
  return { ...state, properties: edit.act === 'set' ? { ...rest, [edit.name]: edit.value } : rest };
}

/**
 * The slow and independent answer: the entity as it would be had the undone transactions never happened. Transactions are struck out from
 * the last to the first, a rollback that stands striking out what it took back; what remains is replayed aspect by aspect.
 */
export function worldWithout(
  graph: RecordedGraph,
  ref: EntityRef,
  isUndone: (seq: bigint) => boolean,
): EntityState | null {
  const versions = graph.versions.get(entityId(ref)) ?? [];
  const aspects = new Set(versions.flatMap((version) => aspectsOf(version.state)));
  const values = new Map<Aspect, Value>();
  for (const aspect of aspects) {
    let value: Value | null = null;
    for (const seq of standingWrites(graph, ref, aspect, isUndone))
      value = aspectValue(graph.stateAt(ref, seq), aspect);
    if (value !== null) values.set(aspect, value);
  }
  return stateOf(ref, values);
}

function standingWrites(
  graph: RecordedGraph,
  ref: EntityRef,
  aspect: Aspect,
  isUndone: (seq: bigint) => boolean,
): bigint[] {
  const standing: bigint[] = [];
  const rollbacks: ((seq: bigint) => boolean)[] = [];
  for (const { seq, undid } of graph.txs.toReversed()) {
    if (isUndone(seq) || !wrote(graph, ref, aspect, seq)) continue;
    if (rollbacks.some((rollback) => rollback(seq))) continue;
    if (undid === null) standing.unshift(seq);
    else rollbacks.push((other) => other < seq && undid(other));
  }
  return standing;
}

export function wrote(graph: RecordedGraph, ref: EntityRef, aspect: Aspect, seq: bigint): boolean {
  const before = graph.stateAt(ref, seq - 1n);
  const after = graph.stateAt(ref, seq);
  if ((before === null) !== (after === null)) return true;
  return !sameAspect(aspectValue(before, aspect), aspectValue(after, aspect));
}
