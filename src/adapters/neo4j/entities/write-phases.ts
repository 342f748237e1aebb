import { sameValue } from '../../../core/canonical.ts';
import type { EntityChange, EntityState, NodeState, RelationshipState } from '../../../core/entities.ts';
import { ConstraintError } from '../../../core/errors.ts';
import { numberText } from '../../../core/number-text.ts';
import { setOwn } from '../../../core/properties.ts';
import type { Value } from '../../../core/values.ts';
import { isOurs, OUR_LABELS } from '../names.ts';
import { type DriverValue, toDriver, UnstorableError } from './values.ts';

type Values = Readonly<Record<string, DriverValue | null>>;

/** A state to create, with the place of its change in the request. */
export interface Creation<State extends EntityState> {
  readonly at: number;
  readonly state: State;
  /** The key among them. */
  readonly properties: Values;
}

export interface Deletion {
  readonly at: number;
  readonly key: string;
}

/** What an update sets and gives up. */
export interface Update {
  readonly at: number;
  readonly key: string;
  /** Values to set; null removes. */
  readonly set: Values;
  /** Properties to remove before anything is set, so that others may take the value, or Neo4j sees that it changes. */
  readonly release: readonly string[];
  readonly addLabels: readonly string[];
  readonly removeLabels: readonly string[];
}

/** Net changes by what is to be done, in the order in which it is done. */
export interface Phases {
  readonly relationshipsDeleted: readonly Deletion[];
  readonly nodesDeleted: readonly Deletion[];
  readonly nodesCreated: readonly Creation<NodeState>[];
  readonly nodesUpdated: readonly Update[];
  readonly relationshipsCreated: readonly Creation<RelationshipState>[];
  readonly relationshipsUpdated: readonly Update[];
}

/** @throws ConstraintError that says which change has something that Neo4j cannot hold */
export function phasesOf(changes: readonly EntityChange[], keyProperty: string, derived: readonly string[]): Phases {
  const taken = takenValues(changes);
  const phases = {
    relationshipsDeleted: [] as Deletion[],
    nodesDeleted: [] as Deletion[],
    nodesCreated: [] as Creation<NodeState>[],
    nodesUpdated: [] as Update[],
    relationshipsCreated: [] as Creation<RelationshipState>[],
    relationshipsUpdated: [] as Update[],
  };
  for (const [at, { kind, key, before, after }] of changes.entries()) {
    checkReserved(at, after, keyProperty, derived);
    if (after === null) (kind === 'NODE' ? phases.nodesDeleted : phases.relationshipsDeleted).push({ at, key });
    else if (after.kind === 'NODE') {
      if (before === null) phases.nodesCreated.push(creationOf(at, after, keyProperty));
      else phases.nodesUpdated.push(updateOf(at, before, after, taken));
    } else if (before?.kind === 'RELATIONSHIP' && sameIdentity(before, after)) {
      phases.relationshipsUpdated.push(updateOf(at, before, after, taken));
    } else {
      // Neo4j changes neither type nor ends in place.
      if (before !== null) phases.relationshipsDeleted.push({ at, key });
      phases.relationshipsCreated.push(creationOf(at, after, keyProperty));
    }
  }
  return phases;
}

function creationOf<State extends EntityState>(at: number, state: State, keyProperty: string): Creation<State> {
  const properties: Record<string, DriverValue> = { [keyProperty]: state.key };
  for (const [name, value] of Object.entries(state.properties)) setOwn(properties, name, stored(at, name, value));
  return { at, state, properties };
}

function updateOf(at: number, before: EntityState, after: EntityState, taken: ReadonlySet<string>): Update {
  const set: Record<string, DriverValue | null> = {};
  const release: string[] = [];
  for (const [name, value] of Object.entries(before.properties)) {
    const next = own(after.properties, name);
    if (next !== undefined && sameValue(value, next)) continue;
    if (next === undefined) setOwn(set, name, null);
    if (taken.has(valueId(name, value)) || looksTheSame(value, next)) release.push(name);
  }
  for (const [name, value] of Object.entries(after.properties)) {
    const previous = own(before.properties, name);
    if (previous === undefined || !sameValue(previous, value)) setOwn(set, name, stored(at, name, value));
  }
  const had = before.kind === 'NODE' ? before.labels : [];
  const has = after.kind === 'NODE' ? after.labels : [];
  return {
    at,
    key: after.key,
    set,
    release,
    addLabels: has.filter((label) => !had.includes(label)),
    removeLabels: had.filter((label) => !has.includes(label)),
  };
}

function stored(at: number, name: string, value: Value): DriverValue {
  try {
    return toDriver(value);
  } catch (error) {
    if (!(error instanceof UnstorableError)) throw error;
    throw new ConstraintError(`property ${JSON.stringify(name)}: ${error.message}`, 'value', at);
  }
}

/** The key is no property, what other triggers compute is theirs, and nodes with labels of the service's own are no entities. */
function checkReserved(at: number, after: EntityState | null, keyProperty: string, derived: readonly string[]): void {
  if (after === null) return;
  if (Object.hasOwn(after.properties, keyProperty))
    throw new ConstraintError(`the property ${keyProperty} holds the key of the entity`, 'value', at);
  const computed = derived.find((name) => Object.hasOwn(after.properties, name));
  if (computed !== undefined)
    throw new ConstraintError(`another trigger computes the property ${computed}`, 'value', at);
  if (after.kind === 'NODE' && isOurs(after.labels))
    throw new ConstraintError(`the labels ${OUR_LABELS.join(', ')} are the service's own`, 'value', at);
}

/** Values that some entity is to get which did not have them: a unique one must be given up by its owner before. */
function takenValues(changes: readonly EntityChange[]): Set<string> {
  const taken = new Set<string>();
  for (const { before, after } of changes) {
    for (const [name, value] of Object.entries(after?.properties ?? {})) {
      const previous = before === null ? undefined : own(before.properties, name);
      if (previous === undefined || !sameValue(previous, value)) taken.add(valueId(name, value));
    }
  }
  return taken;
}

/**
 * Setting 0.0 where -0.0 is, or a moment in a named zone where the other one is that clocks there show as the same, is no change to Neo4j,
 * which keeps the old value.
 */
function looksTheSame(before: Value, after: Value | undefined): boolean {
  if (after === undefined) return false;
  return (isZero(before) && isZero(after)) || (isInNamedZone(before) && isInNamedZone(after));
}

function isInNamedZone(value: Value): boolean {
  return typeof value === 'object' && '$dateTime' in value && value.$dateTime.includes('[');
}

function isZero(value: Value): boolean {
  return typeof value === 'object' && '$float' in value && Number(value.$float) === 0;
}

function valueId(name: string, value: Value): string {
  // Texts are most of them, and need no quoting here: no other value begins like that.
  return typeof value === 'string' ? `${name}\0"${value}` : `${name}\0${numberText(value)}`;
}

function own(properties: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function sameIdentity(a: RelationshipState, b: RelationshipState): boolean {
  return a.type === b.type && a.start === b.start && a.end === b.end;
}
