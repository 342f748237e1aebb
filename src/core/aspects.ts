import { sameValue, sortedLabels } from './canonical.ts';
import type { EntityRef, EntityState } from './entities.ts';
import { propertiesOf } from './properties.ts';
import type { Value } from './values.ts';

/**
 * One separately written part of an entity: whether it exists (for a relationship with its type and ends), a node's label set as one
 * item, each property. A property called `x` is the aspect `p:x`.
 */
export type Aspect = 'existence' | 'labels' | `p:${string}`;

export function propertyAspect(name: string): Aspect {
  return `p:${name}`;
}

/** The property's name, or null for existence and labels. */
export function propertyOf(aspect: Aspect): string | null {
  return aspect === 'existence' || aspect === 'labels' ? null : aspect.slice(2);
}

/** The aspects that a state has a value for, existence first; none for null. */
export function aspectsOf(state: EntityState | null): Aspect[] {
  if (state === null) return [];
  const properties = Object.keys(state.properties).map(propertyAspect);
  return state.kind === 'NODE' ? ['existence', 'labels', ...properties] : ['existence', ...properties];
}

/**
 * What an aspect holds, as a value: existence is true for a node and the list [type, start, end] for a relationship, labels are a
 * list of strings. Null when absent.
 */
export function aspectValue(state: EntityState | null, aspect: string): Value | null {
  if (state === null) return null;
  if (aspect === 'existence') return state.kind === 'NODE' ? true : textList([state.type, state.start, state.end]);
  if (aspect === 'labels') return state.kind === 'NODE' ? textList(state.labels) : null;
  const name = aspect.slice(2);
  return Object.hasOwn(state.properties, name) ? (state.properties[name] ?? null) : null;
}

/** Texts as a list value; an empty list has no element type. */
export function textList(texts: readonly string[]): Value {
  return { $list: { of: texts.length === 0 ? null : 'STRING', values: texts } };
}

/** The texts of a list of strings; null when the value is none. */
export function listTexts(value: Value): string[] | null {
  if (typeof value !== 'object' || !('$list' in value)) return null;
  const texts = value.$list.values.filter((element) => typeof element === 'string');
  return texts.length === value.$list.values.length ? texts : null;
}

/** Identical, or both absent. */
export function sameAspect(a: Value | null, b: Value | null): boolean {
  return a === b || (a !== null && b !== null && sameValue(a, b));
}

/** The aspects that differ between two states of one entity. */
export function changedAspects(before: EntityState | null, after: EntityState | null): Aspect[] {
  const aspects = new Set([...aspectsOf(before), ...aspectsOf(after)]);
  return [...aspects].filter((aspect) => isChanged(before, after, aspect));
}

/** Whether an aspect differs between two states of one entity: whether its values do, without putting them together first. */
export function isChanged(before: EntityState | null, after: EntityState | null, aspect: string): boolean {
  const isProperty = aspect.startsWith('p:');
  if (before === null || after === null || before.kind !== after.kind || isProperty) {
    const name = aspect.slice(2);
    // One text or number in both, or in neither: nearly always so, in an entity that many versions leave nearly as it was.
    if (isProperty && before !== null && after !== null && before.properties[name] === after.properties[name])
      return false;
    return !sameAspect(aspectValue(before, aspect), aspectValue(after, aspect));
  }
  if (aspect === 'labels')
    return before.kind === 'NODE' && after.kind === 'NODE' && !sameTexts(before.labels, after.labels);
  if (before.kind === 'NODE' || after.kind === 'NODE') return false;
  return before.type !== after.type || before.start !== after.start || before.end !== after.end;
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at]);
}

/** The state that holds these values; null when existence is not among them. The inverse of `aspectValue`. */
export function stateOf(ref: EntityRef, values: ReadonlyMap<Aspect, Value>): EntityState | null {
  const existence = values.get('existence');
  if (existence === undefined) return null;
  const named = [...values].flatMap(([aspect, value]): [string, Value][] => {
    const name = propertyOf(aspect);
    return name === null ? [] : [[name, value]];
  });
  const properties = propertiesOf(named);
  if (ref.kind === 'NODE') {
    const labels = values.get('labels');
    const texts = labels === undefined ? [] : (listTexts(labels) ?? []);
    return { kind: 'NODE', key: ref.key, labels: sortedLabels(texts), properties };
  }
  const [type = '', start = '', end = ''] = listTexts(existence) ?? [];
  return { kind: 'RELATIONSHIP', key: ref.key, type, start, end, properties };
}

/** What a state holds, by aspect. */
export function valuesOf(state: EntityState | null): Map<Aspect, Value> {
  const values = new Map<Aspect, Value>();
  for (const aspect of aspectsOf(state)) {
    const value = aspectValue(state, aspect);
    if (value !== null) values.set(aspect, value);
  }
  return values;
}

/** The state with some aspects changed; null removes one. An entity that is there stays there. */
export function withAspects(state: EntityState, changes: readonly (readonly [Aspect, Value | null])[]): EntityState {
  const properties = new Map(Object.entries(state.properties));
  let changed: EntityState = state;
  for (const [aspect, value] of changes) {
    const name = propertyOf(aspect);
    if (name !== null && value !== null) properties.set(name, value);
    else if (name !== null) properties.delete(name);
    else if (aspect === 'labels' && changed.kind === 'NODE') {
      changed = { ...changed, labels: sortedLabels(value === null ? [] : (listTexts(value) ?? [])) };
    } else if (aspect === 'existence' && changed.kind === 'RELATIONSHIP' && value !== null) {
      const [type = '', start = '', end = ''] = listTexts(value) ?? [];
      changed = { ...changed, type, start, end };
    }
  }
  return { ...changed, properties: propertiesOf([...properties]) };
}
