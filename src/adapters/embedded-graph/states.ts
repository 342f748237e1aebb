import { sortedLabels } from '../../core/canonical.ts';
import { canonicalValue, decodeValue } from '../../core/decode.ts';
import type { EntityState, NodeState, RelationshipState } from '../../core/entities.ts';
import type { Properties, Value } from '../../core/values.ts';

export interface NodeRow {
  readonly key: string;
  readonly labels: readonly string[];
  readonly properties: Properties;
}

export interface RelationshipRow {
  readonly key: string;
  readonly type: string;
  readonly start_key: string;
  readonly end_key: string;
  readonly properties: Properties;
}

/** A row of `nodes` as a canonical state. Plain SQL writers may store labels in any order. */
export function nodeState(row: NodeRow): NodeState {
  return {
    kind: 'NODE',
    key: row.key,
    labels: row.labels.length < 2 ? row.labels : sortedLabels(row.labels),
    properties: storedProperties(row.properties),
  };
}

/** A row of `relationships` as a canonical state. */
export function relationshipState(row: RelationshipRow): RelationshipState {
  return {
    kind: 'RELATIONSHIP',
    key: row.key,
    type: row.type,
    start: row.start_key,
    end: row.end_key,
    properties: storedProperties(row.properties),
  };
}

/** A row of the outbox: one firing of capture for one entity. */
export interface OutboxRow {
  readonly xid: bigint;
  readonly kind: 'N' | 'R';
  readonly key: string;
  readonly n: bigint;
  readonly labels_before: readonly string[] | null;
  readonly labels_after: readonly string[] | null;
  readonly type: string | null;
  readonly start_key: string | null;
  readonly end_key: string | null;
  readonly before: Properties | null;
  readonly after: Properties | null;
}

/** One side of an outbox row; null where the entity did not exist. */
export function outboxState(row: OutboxRow, side: 'before' | 'after'): EntityState | null {
  const properties = row[side];
  if (properties === null) return null;
  if (row.kind === 'N') {
    return nodeState({ key: row.key, labels: row[`labels_${side}`] ?? [], properties });
  }
  const { key, type, start_key, end_key } = row;
  return relationshipState({ key, type: type ?? '', start_key: start_key ?? '', end_key: end_key ?? '', properties });
}

/**
 * SQL writers may use any accepted form of a value (a time without seconds, a padded fraction), so tagged
 * values are decoded to the canonical one.
 */
function storedProperties(properties: Properties): Properties {
  for (const name in properties) {
    if (typeof properties[name] === 'object') return decodedProperties(properties);
  }
  return properties;
}

function decodedProperties(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, storedValue(value)]));
}

function storedValue(value: Value): Value {
  if (typeof value !== 'object') return value;
  if ('$list' in value && value.$list.values.every(isPlainElement)) {
    const { of } = value.$list;
    // Numbers, booleans and strings of their own type are canonical as they are; vectors are long.
    if (of === 'FLOAT' || of === 'INTEGER' || of === 'BOOLEAN') return canonicalValue(value);
  }
  const decoded = decodeValue(value);
  return decoded.ok ? decoded.value : canonicalValue(value);
}

function isPlainElement(element: unknown): boolean {
  return typeof element === 'number' || typeof element === 'boolean';
}
