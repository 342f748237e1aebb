import { Neo4jError } from 'neo4j-driver';
import type { EntityChange, EntityKind } from '../../../core/entities.ts';
import { ConstraintError } from '../../../core/errors.ts';
import { numberText } from '../../../core/number-text.ts';
import type { Properties } from '../../../core/values.ts';
import type { Connection } from '../connection.ts';
import type { ElementIds } from '../entities/element-ids.ts';
import type { Located } from '../entities/lookup.ts';
import { fromDriver } from '../entities/values.ts';

const VIOLATED = 'Neo.ClientError.Schema.ConstraintValidationFailed';
/** A value that could not be stored, or not even be read from the message. */
const UNSTORABLE: ReadonlySet<string> = new Set([
  'Neo.ClientError.Statement.TypeError',
  'Neo.ClientError.Statement.ArgumentError',
  'Neo.ClientError.Request.Invalid',
  'Neo.ClientError.Schema.TokenNameError',
  'Neo.DatabaseError.Schema.TokenLengthError',
]);

const LEFT = /^Cannot delete node<(\d+)>/;
const TAKEN =
  /^(Node|Relationship)\((\d+)\) already exists with (?:label|type) `(.*)` and (?:property|properties) (`.*)$/s;
const LACKING = /^(Node|Relationship)\((\d+)\) with (?:label|type) `(.*)` (?:must have|.*required|.*must be)/s;

/** What telling one refusal from another needs. */
export interface Refused {
  readonly connection: Connection;
  readonly ids: ElementIds;
  readonly keyProperty: string;
  readonly located: Located;
  /** Those that are written now, among which the refused one is. */
  readonly changes: readonly EntityChange[];
  /** All of the transaction, these among them. */
  readonly written: readonly EntityChange[];
}

/** A refusal by the graph as a ConstraintError; any other error as it came. */
export async function toConstraintError(error: unknown, refused: Refused): Promise<unknown> {
  if (!(error instanceof Neo4jError)) return error;
  if (UNSTORABLE.has(error.code)) return new ConstraintError(error.message, 'value');
  if (error.code !== VIOLATED) return error;
  const { changes, located, ids } = refused;
  const left = LEFT.exec(error.message);
  if (left?.[1] !== undefined) {
    const key = located.keyAt('NODE', ids.of('NODE', BigInt(left[1]))) ?? null;
    const index = indexOf(changes, (change) => change.kind === 'NODE' && change.key === key);
    return new ConstraintError(`node ${key ?? left[1]} still has relationships`, 'relationships-left', index, key);
  }
  const found = TAKEN.exec(error.message) ?? LACKING.exec(error.message);
  if (found === null) return new ConstraintError(error.message, error.code);
  const [, entity, localId = '', name = '', named] = found;
  const kind: EntityKind = entity === 'Node' ? 'NODE' : 'RELATIONSHIP';
  return explain(
    error.message,
    { kind, elementId: ids.of(kind, BigInt(localId)), name, taken: named !== undefined },
    refused,
  );
}

interface Violation {
  readonly kind: EntityKind;
  /** The entity that has the value, or that lacks one. */
  readonly elementId: string;
  /** The label or type. */
  readonly name: string;
  readonly taken: boolean;
}

async function explain(message: string, violation: Violation, refused: Refused): Promise<ConstraintError> {
  const { kind, elementId, name, taken } = violation;
  const { changes, located } = refused;
  const constraints = (await constraintsOn(refused.connection, kind, name)).filter(({ properties }) =>
    properties.every((property) => message.includes(`\`${property}\``)),
  );
  const [constraint] = constraints.sort((a, b) => b.properties.length - a.properties.length);
  const constraintName = constraint?.name ?? VIOLATED;
  const own = located.keyAt(kind, elementId) ?? null;
  if (!taken) {
    return new ConstraintError(
      message,
      constraintName,
      indexOf(changes, (change) => change.kind === kind && change.key === own),
      own,
    );
  }
  const names = constraint?.properties ?? [];
  const owner = (await ownerOf(refused, violation, names)) ?? ownerAmong(changes, violation, names);
  if (owner === null) return new ConstraintError(message, constraintName);
  const index = indexOf(
    changes,
    ({ kind: changed, key, after }) =>
      changed === kind &&
      key !== owner.key &&
      after !== null &&
      holds(after, name) &&
      agrees(after.properties, owner.values),
  );
  return new ConstraintError(message, constraintName, index, owner.key);
}

interface ConstraintRow {
  readonly name: string;
  readonly properties: readonly string[];
}

async function constraintsOn(connection: Connection, kind: EntityKind, name: string): Promise<ConstraintRow[]> {
  const rows = await connection.read(
    `SHOW CONSTRAINTS YIELD name, entityType, labelsOrTypes, properties WHERE entityType = $kind AND $name IN labelsOrTypes`,
    { kind, name },
  );
  return rows.map((row) => ({
    name: String(row.name),
    properties: Array.isArray(row.properties) ? row.properties.map(String) : [],
  }));
}

interface Owner {
  readonly key: string | null;
  readonly values: Properties;
}

/** Who has the value: an entity that this transaction has written, or one that the graph has committed. */
async function ownerOf(
  { connection, keyProperty, located, written }: Refused,
  { kind, elementId }: Violation,
  names: readonly string[],
): Promise<Owner | null> {
  const own = located.keyAt(kind, elementId);
  // What gives way is written twice: what it has is what it was given last.
  const state = written.findLast((change) => change.kind === kind && change.key === own)?.after;
  if (own !== undefined && state) return { key: own, values: pick(state.properties, names) };
  const pattern = kind === 'NODE' ? '(e)' : '()-[e]->()';
  const [row] = await connection.read(
    `MATCH ${pattern} WHERE elementId(e) = $id RETURN e[$key] AS key, [name IN $names | e[name]] AS values`,
    { id: elementId, key: keyProperty, names },
  );
  if (row === undefined || !Array.isArray(row.values)) return null;
  const values = new Map(row.values.map((value: unknown, at) => [names[at] ?? '', value]));
  const known = [...values].filter(([, value]) => value !== null).map(([name, value]) => [name, fromDriver(value)]);
  return { key: typeof row.key === 'string' ? row.key : null, values: Object.fromEntries(known) };
}

/** The first of two that one statement was to give the same value: it was never told where the first went. */
function ownerAmong(
  changes: readonly EntityChange[],
  { kind, name }: Violation,
  names: readonly string[],
): Owner | null {
  if (names.length === 0) return null;
  const seen = new Map<string, Owner>();
  for (const { kind: changed, key, after } of changes) {
    if (changed !== kind || after === null || !holds(after, name)) continue;
    const values = pick(after.properties, names);
    const id = names.map((property) => numberText(values[property] ?? '')).join('\0');
    const first = seen.get(id);
    if (first !== undefined) return first;
    seen.set(id, { key, values });
  }
  return null;
}

function pick(properties: Properties, names: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => names.includes(name)));
}

function holds(state: NonNullable<EntityChange['after']>, name: string): boolean {
  return state.kind === 'NODE' ? state.labels.includes(name) : state.type === name;
}

function agrees(properties: Properties, values: Properties): boolean {
  return Object.entries(values).every(([name, value]) => {
    const other = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return other !== undefined && numberText(other) === numberText(value);
  });
}

function indexOf(changes: readonly EntityChange[], test: (change: EntityChange) => boolean): number | null {
  const index = changes.findIndex(test);
  return index < 0 ? null : index;
}
