import { type Aspect, aspectsOf, propertyOf, sameAspect, stateOf, textList, valuesOf, withAspects } from './aspects.ts';
import { valueTypeOf } from './canonical.ts';
import { actionOf, type EntityState } from './entities.ts';
import { mergeLabels, mergeValues } from './merge.ts';
import { originText, rootOf } from './origins.ts';
import { explainAspect, explainContent, explainDeletion, explainEnds, type Subject } from './plan-explain.ts';
import type { EntityPlan, PlanInput, PlannedConflict } from './plan-types.ts';
import { aspectHistory } from './replay.ts';
import type { Origins, RecordedVersion } from './undo-set.ts';
import type { Value } from './values.ts';
import { lesser, type Verdict, verdictOn, withoutUndoSet } from './verdict.ts';

export { resolvePlan } from './plan-resolve.ts';
export type * from './plan-types.ts';

/** Every seq whose membership `planEntity` may ask for. */
export function seqsOf(versions: readonly RecordedVersion[]): bigint[] {
  return versions.map(({ seq }) => seq);
}

const NO_LABELS = textList([]);

/** What the entity becomes: with conflicts left as live is, and with target taken. */
interface Outcome {
  readonly after: EntityState | null;
  readonly origins: Origins | null;
  readonly overwritten: EntityState | null;
  readonly overwrittenOrigins: Origins | null;
  readonly conflicts: readonly PlannedConflict[];
}

/**
 * The plan of one entity: a pure function of history, undo set, scope and live state. Each aspect that the undo set wrote is judged by
 * itself (see `verdictOn`); then existence decides what can become of the others:
 *
 * - An entity that comes back has all its aspects, those out of scope too, as they would be without the undo set.
 * - An entity that would vanish while it holds what others wrote is one STRUCTURE conflict, and so is one that others deleted on top of
 *   changes to be taken back. No other conflict is reported for it.
 * - With existence out of scope, an entity that is absent stays so: there is nothing to write its properties to, and no conflict.
 */
export function planEntity(input: PlanInput): EntityPlan {
  const { ref, live } = input;
  const aspects = knownAspects(input);
  const verdicts = aspects.filter(input.inScope).flatMap((aspect) => verdictOn(input, aspect) ?? []);
  const outcome = live === null ? planAbsent(input, aspects, verdicts) : planPresent(input, live, aspects, verdicts);
  // What is not written is live itself: an aspect is only taken where it differs.
  const written = outcome.after !== live;
  return {
    ref,
    base: baseState(input, verdicts),
    live,
    ...outcome,
    action: written ? actionOf({ before: live, after: outcome.after }) : null,
    alreadySo: verdicts.length > 0 && !written && outcome.conflicts.length === 0,
    reach: verdicts.reduce<bigint | null>((least, { reach }) => lesser(least, reach), null),
  };
}

function knownAspects({ ref, versions, live }: PlanInput): Aspect[] {
  const aspects = new Set<Aspect>(ref.kind === 'NODE' ? ['existence', 'labels'] : ['existence']);
  for (const state of [...versions.map((version) => version.state), live]) {
    for (const aspect of aspectsOf(state)) aspects.add(aspect);
  }
  return [...aspects];
}

function planAbsent(input: PlanInput, aspects: readonly Aspect[], verdicts: readonly Verdict[]): Outcome {
  const existence = verdicts.find(({ aspect }) => aspect === 'existence');
  if (existence?.kind === 'TAKE') return settled(restored(input, aspects));
  const wanted = verdicts.some(({ kind }) => kind !== 'KEEP') && input.inScope('existence');
  if (!wanted || (existence !== undefined && existence.target === null)) return settled({ state: null, origins: null });
  const { state, origins } = broughtBack(input, verdicts);
  const liveSeq = lastSeq(input, ['existence']);
  const last = input.versions.findLast((version) => version.state !== null)?.state ?? null;
  const conflict = structure('EXISTENCE', liveSeq, explainDeletion(subject(input, last, liveSeq), verdicts));
  return { after: null, origins: null, overwritten: state, overwrittenOrigins: origins, conflicts: [conflict] };
}

function planPresent(
  input: PlanInput,
  live: EntityState,
  aspects: readonly Aspect[],
  verdicts: readonly Verdict[],
): Outcome {
  const existence = verdicts.find(({ aspect }) => aspect === 'existence');
  if (existence === undefined || existence.kind === 'KEEP' || existence.target !== null) {
    return planAspects(input, live, verdicts);
  }
  const others = aspects.filter(
    (aspect) => aspect !== 'existence' && isContent(aspect, withoutUndoSet(input, aspect).value),
  );
  const origins = vanishOrigins(input, aspects, existence);
  if (existence.kind === 'TAKE' && others.length === 0) return settled({ state: null, origins });
  const liveSeq = lastSeq(input, others.length === 0 ? ['existence'] : others);
  const conflict = structure('EXISTENCE', liveSeq, explainContent(subject(input, live, liveSeq), others));
  return { after: live, origins: null, overwritten: null, overwrittenOrigins: origins, conflicts: [conflict] };
}

/** The entity stays: each aspect for itself. */
function planAspects(input: PlanInput, live: EntityState, verdicts: readonly Verdict[]): Outcome {
  const taken = verdicts.filter(({ kind }) => kind === 'TAKE');
  const asked = verdicts.filter(({ kind }) => kind === 'ASK');
  const after = taken.length === 0 ? live : withAspects(live, taken.map(targetOf));
  const origins = originsFrom(taken.map(originIn));
  if (asked.length === 0) return { after, origins, overwritten: after, overwrittenOrigins: origins, conflicts: [] };
  return {
    after,
    origins,
    overwritten: withAspects(after, asked.map(targetOf)),
    overwrittenOrigins: originsFrom([...taken, ...asked].map(originIn)),
    conflicts: asked.map((verdict) => aspectConflict(input, verdict)).sort(byAspect),
  };
}

function targetOf({ aspect, target }: Verdict): readonly [Aspect, Value | null] {
  return [aspect, target];
}

function originIn({ aspect, origin }: Verdict): readonly [string, string] {
  return [aspect, origin];
}

/** Ends, labels, then properties by name: the order must not depend on what a store makes of the order of properties. */
function byAspect(a: PlannedConflict, b: PlannedConflict): number {
  const place = ({ aspect }: PlannedConflict): number => ['ENDS', 'LABEL', 'PROPERTY'].indexOf(aspect);
  if (place(a) !== place(b)) return place(a) - place(b);
  return (a.property ?? '') < (b.property ?? '') ? -1 : 1;
}

interface Sourced {
  readonly state: EntityState | null;
  readonly origins: Origins | null;
}

function settled({ state, origins }: Sourced): Outcome {
  return { after: state, origins, overwritten: state, overwrittenOrigins: origins, conflicts: [] };
}

function restored(input: PlanInput, aspects: readonly Aspect[]): Sourced {
  const values = new Map<Aspect, Value>();
  const origins = aspects.map((aspect): [string, string] => {
    const { value, origin } = withoutUndoSet(input, aspect);
    put(values, aspect, value);
    return [aspect, origin];
  });
  return { state: stateOf(input.ref, values), origins: originsFrom(origins) };
}

/** As it was when others deleted it, less what the undo set changed. */
function broughtBack(input: PlanInput, verdicts: readonly Verdict[]): Sourced {
  const last = input.versions.findLast(({ state }) => state !== null);
  const values = valuesOf(last?.state ?? null);
  const origins = new Map<string, string>();
  if (last !== undefined) {
    const originAt = (aspect: Aspect): string =>
      originText({ root: rootOf(last, aspect), standing: last.seq, taken: [] });
    for (const aspect of values.keys()) origins.set(aspect, originAt(aspect));
  }
  for (const { aspect, base, target, origin } of verdicts) {
    if (sameAspect(base, target)) continue;
    put(values, aspect, target);
    origins.set(aspect, origin);
  }
  return { state: stateOf(input.ref, values), origins: originsFrom([...origins]) };
}

/** Having removed the labels, or a property, leaves nothing in an entity that its vanishing would lose. */
function isContent(aspect: Aspect, value: Value | null): boolean {
  return aspect === 'labels' ? !sameAspect(value ?? NO_LABELS, NO_LABELS) : value !== null;
}

/** The absence of an aspect comes from where that of the entity does, unless it says otherwise. */
function vanishOrigins(input: PlanInput, aspects: readonly Aspect[], existence: Verdict): Origins | null {
  const origins: [string, string][] = [['existence', existence.origin]];
  for (const aspect of aspects) {
    if (aspect === 'existence') continue;
    const { value, origin } = withoutUndoSet(input, aspect);
    if (!isContent(aspect, value) && origin !== existence.origin) origins.push([aspect, origin]);
  }
  return originsFrom(origins);
}

function aspectConflict(input: PlanInput, verdict: Verdict): PlannedConflict {
  const { aspect, base, target, live } = verdict;
  const liveSeq = lastSeq(input, [aspect]);
  const about = subject(input, input.live, liveSeq);
  if (aspect === 'existence') return structure('ENDS', liveSeq, explainEnds(about, verdict));
  const explanation = explainAspect(about, verdict);
  const { value: merged, clean } = (aspect === 'labels' ? mergeLabels : mergeValues)(base, target, live);
  const sides = { base, target, live, merged, mergesCleanly: clean, overwritable: true, liveSeq, explanation };
  if (aspect === 'labels') return { type: 'STRUCTURE', aspect: 'LABEL', property: null, ...sides };
  const types = [base, target, live].flatMap((value) => (value === null ? [] : [JSON.stringify(valueTypeOf(value))]));
  const type = new Set(types).size > 1 ? 'TYPE' : 'VALUE';
  return { type, aspect: 'PROPERTY', property: propertyOf(aspect), ...sides };
}

function structure(aspect: 'EXISTENCE' | 'ENDS', liveSeq: bigint | null, explanation: string): PlannedConflict {
  const sides = { base: null, target: null, live: null, merged: null, mergesCleanly: false, overwritable: true };
  return { type: 'STRUCTURE', aspect, property: null, ...sides, liveSeq, explanation };
}

function subject({ ref, authorOf }: PlanInput, state: EntityState | null, liveSeq: bigint | null): Subject {
  return { ref, state, author: liveSeq === null ? null : (authorOf?.(liveSeq) ?? null) };
}

/** The last recorded transaction that wrote any of the aspects; null when what is there now was written after all that is recorded. */
function lastSeq(input: PlanInput, aspects: readonly Aspect[]): bigint | null {
  const last = aspects.reduce<bigint | null>((latest, aspect) => {
    const tx = aspectHistory(input, aspect).events.at(-1)?.tx ?? null;
    return tx !== null && (latest === null || tx > latest) ? tx : latest;
  }, null);
  return last !== null && input.versions.some(({ seq }) => seq === last) ? last : null;
}

function baseState({ versions }: PlanInput, verdicts: readonly Verdict[]): EntityState | null {
  const seqs = new Set(verdicts.map(({ baseSeq }) => baseSeq));
  return versions.findLast(({ seq }) => seqs.has(seq))?.state ?? null;
}

function put(values: Map<Aspect, Value>, aspect: Aspect, value: Value | null): void {
  if (value === null) values.delete(aspect);
  else values.set(aspect, value);
}

function originsFrom(entries: readonly (readonly [string, string])[]): Origins | null {
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
