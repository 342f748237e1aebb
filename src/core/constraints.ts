import { sameAspect } from './aspects.ts';
import { canonicalJson, typeNameOf } from './canonical.ts';
import type { EntityKind, EntityState } from './entities.ts';
import { numberText } from './number-text.ts';
import { nameOf, shown } from './plan-explain.ts';
import type { Value } from './values.ts';

/** What a graph demands of every node with a label, or every relationship of a type. */
export interface Constraint {
  readonly name: string;
  /** UNIQUE: no two hold the same values; one that lacks a property is left alone. EXISTENCE: the property is there. TYPE: of one of `types`. KEY: unique, and all there. */
  readonly kind: 'UNIQUE' | 'EXISTENCE' | 'TYPE' | 'KEY';
  readonly entity: EntityKind;
  /** The label, or the relationship type. */
  readonly subject: string;
  /** One for EXISTENCE and TYPE. */
  readonly properties: readonly string[];
  /** Of TYPE: names as `typeNameOf` gives them; LIST allows an empty list only. Else empty. */
  readonly types: readonly string[];
  /** Of UNIQUE and KEY: numbers are the same whatever their type, as `numberText` has it. Else 1 and 1.0 are two values. */
  readonly comparesNumbers?: boolean;
}

/** Whether a constraint speaks of an entity in this state. */
export function isSubject({ entity, subject }: Constraint, state: EntityState | null): state is EntityState {
  if (state === null || state.kind !== entity) return false;
  return state.kind === 'NODE' ? state.labels.includes(subject) : state.type === subject;
}

export function isUnique({ kind }: Constraint): boolean {
  return kind === 'UNIQUE' || kind === 'KEY';
}

/** The values that must be one entity's alone; null when the constraint does not speak of the state, or a property is absent. */
export function tupleOf(constraint: Constraint, state: EntityState | null): Value[] | null {
  if (!isUnique(constraint) || !isSubject(constraint, state)) return null;
  const values = constraint.properties.flatMap((name) => held(state, name) ?? []);
  return values.length === constraint.properties.length ? values : null;
}

/** A text that is the same for values that are the same to the constraint. */
export function tupleText({ comparesNumbers }: Constraint, tuple: readonly Value[]): string {
  return `[${tuple.map(comparesNumbers === true ? numberText : canonicalJson).join(',')}]`;
}

/** The values that a change gives to an entity, if it did not hold them before. */
export function takenTuple(
  constraint: Constraint,
  change: { readonly before: EntityState | null; readonly after: EntityState | null },
): Value[] | null {
  const tuple = tupleOf(constraint, change.after);
  if (tuple === null) return null;
  const before = tupleOf(constraint, change.before);
  return before !== null && tupleText(constraint, before) === tupleText(constraint, tuple) ? null : tuple;
}

/** The property of an entity because of which it cannot be in this state whatever others are; null when it can. */
export function failingProperty(constraint: Constraint, state: EntityState | null): string | null {
  if (!isSubject(constraint, state)) return null;
  const { kind, properties, types } = constraint;
  if (kind === 'EXISTENCE' || kind === 'KEY') return properties.find((name) => held(state, name) === null) ?? null;
  if (kind !== 'TYPE') return null;
  return properties.find((name) => !isOfType(held(state, name), types)) ?? null;
}

/** An empty list is of every list type. */
function isOfType(value: Value | null, types: readonly string[]): boolean {
  if (value === null) return true;
  const name = typeNameOf(value);
  return types.includes(name) || (name === 'LIST' && types.some((type) => type.startsWith('LIST')));
}

function held({ properties }: EntityState, name: string): Value | null {
  return Object.hasOwn(properties, name) ? (properties[name] ?? null) : null;
}

/**
 * What two states of one entity have in common: it holds no unique value that only one of them has, so an entity that passes through it
 * gives up its values before others get them, and gets its own after others gave them up.
 */
export function commonState(before: EntityState, after: EntityState): EntityState {
  const kept = Object.entries(before.properties).filter(([name, value]) => sameAspect(value, held(after, name)));
  const properties = Object.fromEntries(kept);
  if (before.kind !== 'NODE' || after.kind !== 'NODE') return { ...before, properties };
  const labels = new Set(after.labels);
  return { ...before, labels: before.labels.filter((label) => labels.has(label)), properties };
}

/** The state with a property as it is to be; null removes it. */
export function withProperty(state: EntityState, name: string, value: Value | null): EntityState {
  const rest = Object.entries(state.properties).filter(([other]) => other !== name);
  return { ...state, properties: Object.fromEntries(value === null ? rest : [...rest, [name, value]]) };
}

/** The state would not be allowed, whatever others are. */
export function explainFailing(constraint: Constraint, property: string, state: EntityState): string {
  const { name, kind, subject, types } = constraint;
  const value = held(state, property);
  const what = value === null ? `without ${property}` : `with ${property} as ${shown(value)}`;
  const demand = kind === 'TYPE' ? `to be ${types.join(' or ')}` : 'to be there';
  return `${nameOf(state, state)} would be ${what}, while constraint ${name} wants ${property} of every ${subject} ${demand}.`;
}

/** Another entity holds what must be one's alone. `takenBack`: the plan would give the holder the same values. */
export function explainTaken(constraint: Constraint, state: EntityState, holder: EntityState): string {
  const values = constraint.properties.map((name) => `${name} ${shown(held(state, name))}`).join(' and ');
  const who = `${nameOf(holder, holder)} has`;
  return `${nameOf(state, state)} cannot get ${values} back: ${who} it, and constraint ${constraint.name} allows it once. Say what ${nameOf(holder, holder)} gets instead.`;
}
