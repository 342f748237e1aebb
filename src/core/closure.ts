import { canonicalState } from './canonical.ts';
import {
  type EntityChange,
  type EntityId,
  type EntityRef,
  entityId,
  type NodeState,
  type RelationshipState,
} from './entities.ts';
import { hashCanonical, toHex } from './hash.ts';
import { nameOf } from './plan-explain.ts';

/** The graph would break if the planned change of `ref` were written alone. */
export interface DependencyConflict {
  readonly type: 'DEPENDENCY';
  readonly ref: EntityRef;
  /** EXISTENCE: a node to vanish has others' relationships. ENDS: a relationship to come back lost an end. */
  readonly aspect: 'EXISTENCE' | 'ENDS';
  /** What overwriting writes besides. */
  readonly cascade: readonly EntityChange[];
  /** Nodes whose planned vanishing overwriting gives up, since something that comes back hangs on them. */
  readonly keeps: readonly EntityRef[];
  /** False when an end is needed of which no state is recorded any more: only skipping is possible. */
  readonly overwritable: boolean;
  readonly explanation: string;
}

/**
 * Conflicts of nodes that the plan lets vanish.
 *
 * @param vanishing live states of the nodes
 * @param incident every live relationship with an end among them, each once
 * @param vanishingRelationships keys of the relationships that the plan lets vanish for certain, without an open conflict
 */
export function vanishingConflicts(
  vanishing: readonly NodeState[],
  incident: readonly RelationshipState[],
  vanishingRelationships: ReadonlySet<string>,
): DependencyConflict[] {
  const staying = new Map<string, RelationshipState[]>(vanishing.map(({ key }) => [key, []]));
  for (const relationship of incident) {
    if (vanishingRelationships.has(relationship.key)) continue;
    for (const end of new Set([relationship.start, relationship.end])) staying.get(end)?.push(relationship);
  }
  return vanishing.flatMap((node) => {
    const relationships = staying.get(node.key) ?? [];
    return relationships.length === 0 ? [] : [vanishingConflict(node, relationships)];
  });
}

function vanishingConflict(node: NodeState, relationships: readonly RelationshipState[]): DependencyConflict {
  const ref: EntityRef = { kind: 'NODE', key: node.key };
  const cascade = relationships.map((state): EntityChange => change(state, state, null));
  const [first] = relationships;
  const shown = first === undefined ? '' : `${first.type} (${first.key})`;
  const more = relationships.length > 1 ? ` and ${relationships.length - 1} more` : '';
  const explanation = `Taking back the creation of ${nameOf(ref, node)} would also delete what others connected to it: ${shown}${more}.`;
  return { type: 'DEPENDENCY', ref, aspect: 'EXISTENCE', cascade, keeps: [], overwritable: true, explanation };
}

/** A node as an end of a relationship that is to come back. */
export interface EndNode {
  /** THERE: live and staying, or coming back by the plan. VANISHING: live, but the plan lets it vanish. */
  readonly presence: 'THERE' | 'VANISHING' | 'ABSENT';
  /** What it last was; null when no state is recorded. */
  readonly lastState: NodeState | null;
}

/** Conflicts of relationships that the plan brings back. `endNode` is asked for the keys of their ends. */
export function returningConflicts(
  returning: readonly RelationshipState[],
  endNode: (key: string) => EndNode,
): DependencyConflict[] {
  return returning.flatMap((relationship) => {
    const ends = [...new Set([relationship.start, relationship.end])].map((key) => ({ key, ...endNode(key) }));
    const missing = ends.filter(({ presence }) => presence !== 'THERE');
    if (missing.length === 0) return [];
    const absent = missing.filter(({ presence }) => presence === 'ABSENT');
    const ref: EntityRef = { kind: 'RELATIONSHIP', key: relationship.key };
    const nodes = missing.map(({ key, lastState }) => nameOf({ kind: 'NODE', key }, lastState)).join(' and ');
    return [
      {
        type: 'DEPENDENCY',
        ref,
        aspect: 'ENDS',
        cascade: absent.flatMap(({ lastState }) => (lastState === null ? [] : [change(lastState, null, lastState)])),
        keeps: missing.filter(({ presence }) => presence === 'VANISHING').map(({ key }) => ({ kind: 'NODE', key })),
        overwritable: absent.every(({ lastState }) => lastState !== null),
        explanation: `Bringing back ${nameOf(ref, relationship)} needs ${nodes}, which would not be there.`,
      },
    ];
  });
}

/** Lower-case hexadecimal: the same when overwriting would write the same besides. What a decision about the conflict is based on. */
export function basisOf({ cascade, keeps }: Pick<DependencyConflict, 'cascade' | 'keeps'>): string {
  const written = cascade.map((change) => {
    const state = change.after ?? change.before;
    return `${entityId(change)} ${change.after === null ? '-' : '+'} ${state === null ? '' : canonicalState(state)}`;
  });
  const basis = [...written, ...keeps.map((ref) => `${entityId(ref)} keep`)].sort();
  return toHex(hashCanonical(JSON.stringify(basis)));
}

/** What a decision adds to the plan and takes out of it; what was taken out may take more along, see `skipClosure`. */
export interface DependencyEffect {
  readonly cascade: readonly EntityChange[];
  readonly skipped: readonly EntityRef[];
}

/** @throws RangeError for OVERWRITE of a conflict that is not overwritable */
export function dependencyEffect(conflict: DependencyConflict, decision: 'OVERWRITE' | 'SKIP'): DependencyEffect {
  if (decision === 'SKIP') return { cascade: [], skipped: [conflict.ref] };
  if (!conflict.overwritable)
    throw new RangeError(`${nameOf(conflict.ref)} cannot come back: an end has no recorded state`);
  return { cascade: conflict.cascade, skipped: conflict.keeps };
}

/**
 * What cannot be written either once `skipped` is not: a relationship that stays keeps its ends, a node that stays keeps what the plan
 * hangs on it, a node that stays away keeps its relationships away. Gives the reason for each, and the one of `skipped` that it goes back
 * to; `skipped` itself is not included.
 */
export function skipClosure(
  skipped: readonly EntityRef[],
  planned: readonly EntityChange[],
): Map<EntityId, { readonly ref: EntityRef; readonly reason: string; readonly root: EntityId }> {
  const changes = new Map(planned.map((planned): [EntityId, EntityChange] => [entityId(planned), planned]));
  const byEnd = relationshipsByEnd(planned);
  const first = new Set(skipped.map(entityId));
  const result = new Map<EntityId, { ref: EntityRef; reason: string; root: EntityId }>();
  const queue = skipped.map(entityId);
  for (const id of queue) {
    const cause = changes.get(id);
    if (cause === undefined || (cause.before !== null && cause.after !== null)) continue;
    const verb = cause.after === null ? 'stays' : 'stays away';
    for (const dependent of dependentsOf(cause, changes, byEnd)) {
      const dependentId = entityId(dependent);
      if (first.has(dependentId) || result.has(dependentId)) continue;
      const { kind, key } = dependent;
      const root = result.get(id)?.root ?? id;
      result.set(dependentId, { ref: { kind, key }, reason: `skipped because ${nameOf(cause)} ${verb}`, root });
      queue.push(dependentId);
    }
  }
  return result;
}

function dependentsOf(
  cause: EntityChange,
  changes: ReadonlyMap<EntityId, EntityChange>,
  byEnd: ReadonlyMap<string, readonly EntityChange[]>,
): EntityChange[] {
  const vanishes = cause.after === null;
  if (cause.kind === 'NODE') return (byEnd.get(cause.key) ?? []).filter((other) => isSameTurn(other, vanishes));
  if (!vanishes || cause.before?.kind !== 'RELATIONSHIP') return [];
  const ends = [cause.before.start, cause.before.end].map((key) => changes.get(entityId({ kind: 'NODE', key })));
  return ends.filter((end) => end !== undefined).filter((end) => isSameTurn(end, true));
}

function isSameTurn({ before, after }: EntityChange, vanishes: boolean): boolean {
  return vanishes ? after === null : before === null;
}

function relationshipsByEnd(planned: readonly EntityChange[]): Map<string, EntityChange[]> {
  const byEnd = new Map<string, EntityChange[]>();
  for (const change of planned) {
    const state = change.before ?? change.after;
    if (state?.kind !== 'RELATIONSHIP') continue;
    for (const end of new Set([state.start, state.end])) byEnd.set(end, [...(byEnd.get(end) ?? []), change]);
  }
  return byEnd;
}

function change(ref: EntityRef, before: EntityChange['before'], after: EntityChange['after']): EntityChange {
  return { kind: ref.kind, key: ref.key, before, after };
}
