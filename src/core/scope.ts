import { type Aspect, aspectsOf, propertyOf } from './aspects.ts';
import type { EntityRef, EntityState } from './entities.ts';

import type { NeighbourhoodQuery, Scope } from './scope-types.ts';

export { MAX_HOPS, MAX_SCOPE_DEPTH, MAX_SCOPE_PARTS, parseScope } from './scope-parse.ts';
export type * from './scope-types.ts';

/** An entity as a scope sees it. */
export interface ScopeSubject {
  readonly ref: EntityRef;
  /** What it was at base, target and live, where it existed. */
  readonly states: readonly EntityState[];
  /** Of a relationship: the labels that either end had at those moments. */
  readonly endLabels: readonly string[];
}

/** The keys that a neighbourhood covers. */
export interface Neighbourhood {
  readonly nodes: ReadonlySet<string>;
  readonly relationships: ReadonlySet<string>;
}

/** By `neighbourhoodId`, an entry for each of `scopeNeighbourhoods(scope)`. */
export type ResolvedNeighbourhoods = ReadonlyMap<string, Neighbourhood>;

export const NO_NEIGHBOURHOODS: ResolvedNeighbourhoods = new Map();

/** Two queries have the same id if they ask the same. */
export function neighbourhoodId(query: NeighbourhoodQuery): string {
  return JSON.stringify([query.keys, query.hops, query.types ?? null, query.direction]);
}

/** The neighbourhoods that must be resolved before `matchScope` can be asked, each once. */
export function scopeNeighbourhoods(scope: Scope): NeighbourhoodQuery[] {
  const found = new Map<string, NeighbourhoodQuery>();
  const visit = (part: Scope): void => {
    if (part.neighbourhood) found.set(neighbourhoodId(part.neighbourhood), part.neighbourhood);
    for (const inner of [...(part.all ?? []), ...(part.any ?? []), ...(part.not ? [part.not] : [])]) visit(inner);
  };
  visit(scope);
  return [...found.values()];
}

/** Whether labels decide anything, so that the labels of relationships' ends must be known. */
export function scopeUsesLabels(scope: Scope): boolean {
  return (
    scope.labels !== undefined ||
    [...(scope.all ?? []), ...(scope.any ?? []), ...(scope.not ? [scope.not] : [])].some(scopeUsesLabels)
  );
}

/** Whether the scope covers this aspect of the entity. A null scope is the whole graph. */
export function matchScope(
  scope: Scope | null,
  subject: ScopeSubject,
  aspect: Aspect,
  resolved: ResolvedNeighbourhoods = NO_NEIGHBOURHOODS,
): boolean {
  if (scope === null) return true;
  const { ref } = subject;
  if (scope.keys && !scope.keys.includes(ref.key)) return false;
  if (scope.labels && !hasLabel(scope.labels, subject)) return false;
  if (scope.relationshipTypes && !hasType(scope.relationshipTypes, subject)) return false;
  if (scope.properties) {
    const name = propertyOf(aspect);
    if (name === null || !scope.properties.includes(name)) return false;
  }
  if (scope.neighbourhood && !isNear(resolved, scope.neighbourhood, ref)) return false;
  if (scope.all?.some((part) => !matchScope(part, subject, aspect, resolved))) return false;
  if (scope.any && !scope.any.some((part) => matchScope(part, subject, aspect, resolved))) return false;
  return !(scope.not && matchScope(scope.not, subject, aspect, resolved));
}

/** Whether the scope covers anything of the entity: existence, labels, or a property that it had at one of the moments. */
export function entityInScope(
  scope: Scope | null,
  subject: ScopeSubject,
  resolved: ResolvedNeighbourhoods = NO_NEIGHBOURHOODS,
): boolean {
  if (scope === null) return true;
  const aspects = new Set(subject.states.flatMap(aspectsOf));
  return [...aspects].some((aspect) => matchScope(scope, subject, aspect, resolved));
}

/** The scope as JSON that can be pasted back as ScopeInput. */
export function scopeToJson(scope: Scope): Record<string, unknown> {
  const { all, any, not, ...fields } = scope;
  return {
    ...fields,
    ...(all && { all: all.map(scopeToJson) }),
    ...(any && { any: any.map(scopeToJson) }),
    ...(not && { not: scopeToJson(not) }),
  };
}

function hasLabel(labels: readonly string[], subject: ScopeSubject): boolean {
  if (subject.ref.kind === 'RELATIONSHIP') return labels.some((label) => subject.endLabels.includes(label));
  return subject.states.some((state) => state.kind === 'NODE' && labels.some((label) => state.labels.includes(label)));
}

function hasType(types: readonly string[], subject: ScopeSubject): boolean {
  return subject.states.some((state) => state.kind === 'RELATIONSHIP' && types.includes(state.type));
}

function isNear(resolved: ResolvedNeighbourhoods, query: NeighbourhoodQuery, ref: EntityRef): boolean {
  const near = resolved.get(neighbourhoodId(query));
  if (near === undefined) throw new RangeError('a neighbourhood of the scope was not resolved');
  return (ref.kind === 'NODE' ? near.nodes : near.relationships).has(ref.key);
}
