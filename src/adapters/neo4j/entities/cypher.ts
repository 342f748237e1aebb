import { isOursText, LOCK_PROPERTY, MARKER_LABEL, quotedKeyProperty } from '../names.ts';
import { placesIn } from './element-ids.ts';

/** How entities are locked: by APOC's procedures, or by setting and removing a property where APOC is missing. */
export type Locking = 'APOC' | 'PROPERTY';

/** The statements over entities, for one key property. Each has the parameters that its comment names. */
export interface Cypher {
  /** ids: Places. Rows: id, key, labels, properties. */
  readonly readNodes: string;
  /** ids. Rows: id, key, type, start, end, properties; start and end are keys. */
  readonly readRelationships: string;
  /** As the reads, with no properties. */
  readonly locateNodes: string;
  readonly locateRelationships: string;
  /** As the reads, holding the lock of each entity; what went while waiting for it gives no row. */
  readonly lockNodes: string;
  readonly lockRelationships: string;
  /** ids of nodes, limit. Locks and reads relationships with an end among them, each once. */
  readonly lockIncident: string;
  /** ids. Rows: id, texts: [name, text or texts] of every date and time with a zone. */
  readonly nodeTexts: string;
  readonly relationshipTexts: string;
  /** keys. Rows: id, key. Looks at every entity. */
  readonly searchNodes: string;
  readonly searchRelationships: string;
  /** Every node, every relationship: rows as the reads give them. */
  readonly scanNodes: string;
  readonly scanRelationships: string;
  /** rows: {id, old, key}. Gives keys to entities that have none, or nothing that can be one, or still `old`. */
  readonly assignNodes: string;
  readonly assignRelationships: string;
  /** id of a marker. Holds its lock; to be followed by what to do with m, or gives no row when it is missing. */
  readonly holdMarker: string;
  /** names of locks. Holds all markers of these names, in one order. Row: taken, how many names there are. */
  readonly takeLocks: string;
}

const ZONED = `[name IN keys(e) WHERE valueType(e[name]) STARTS WITH 'ZONED DATETIME' OR valueType(e[name]) STARTS WITH 'LIST<ZONED DATETIME'
  | [name, CASE WHEN valueType(e[name]) STARTS WITH 'LIST' THEN [x IN e[name] | toString(x)] ELSE toString(e[name]) END]] AS texts`;

const IDS = placesIn('ids');
const NODE = `MATCH (e) WHERE elementId(e) IN ${IDS}`;
const RELATIONSHIP = `MATCH (s)-[e]->(t) WHERE elementId(e) IN ${IDS}`;

/** Whether a value can be no key of an entity. */
export function unfitKey(value: string): string {
  return `(NOT ${value} IS :: STRING NOT NULL OR ${value} = '')`;
}

/** @throws InvalidInputError when the key property is no plain name */
export function cypherFor(keyProperty: string, locking: Locking): Cypher {
  const key = quotedKeyProperty(keyProperty);
  const nodePlace = `elementId(e) AS id, e.${key} AS key, labels(e) AS labels`;
  const relationshipPlace = `elementId(e) AS id, e.${key} AS key, type(e) AS type, s.${key} AS start, t.${key} AS end`;
  const nodeColumns = `${nodePlace}, properties(e) AS properties`;
  const relationshipColumns = `${relationshipPlace}, properties(e) AS properties`;
  const lock = (procedure: string, entity = 'e') =>
    locking === 'APOC'
      ? `WITH collect(${entity}) AS found CALL ${procedure}(found)`
      : `SET ${entity}.${LOCK_PROPERTY} = true REMOVE ${entity}.${LOCK_PROPERTY} WITH collect(${entity}) AS found`;
  // Read once the lock is held. What was deleted while this waited for it has no content, so no key.
  const nodesAgain = `UNWIND found AS e WITH e WHERE e.${key} IS NOT NULL RETURN ${nodeColumns}`;
  // Looked up again, since another relationship, with other ends, may be where one was deleted.
  const again = 'WITH [e IN found | elementId(e)] AS ids';
  const unfit = unfitKey(`e.${key}`);
  const notOurs = `NOT ${isOursText('e')}`;
  const readRelationships = `MATCH (s)-[e]->(t) WHERE elementId(e) IN ids RETURN ${relationshipColumns}`;
  const heldAgain = `WITH [m IN found | elementId(m)] AS ids MATCH (m:${MARKER_LABEL}) WHERE elementId(m) IN ids`;
  return {
    readNodes: `${NODE} RETURN ${nodeColumns}`,
    readRelationships: `${RELATIONSHIP} RETURN ${relationshipColumns}`,
    locateNodes: `${NODE} RETURN ${nodePlace}, {} AS properties`,
    locateRelationships: `${RELATIONSHIP} RETURN ${relationshipPlace}, {} AS properties`,
    lockNodes: `${NODE} ${lock('apoc.lock.nodes')} ${nodesAgain}`,
    lockRelationships: `MATCH ()-[e]->() WHERE elementId(e) IN ${IDS} ${lock('apoc.lock.rels')} ${again} ${readRelationships}`,
    lockIncident: `MATCH (n) WHERE elementId(n) IN ${IDS} MATCH (n)-[e]-() WITH DISTINCT e LIMIT $limit
      ${lock('apoc.lock.rels')} ${again} ${readRelationships}`,
    nodeTexts: `${NODE} RETURN ${nodeColumns}, ${ZONED}`,
    relationshipTexts: `${RELATIONSHIP} RETURN ${relationshipColumns}, ${ZONED}`,
    searchNodes: `MATCH (e) WHERE e.${key} IN $keys AND ${notOurs} RETURN elementId(e) AS id, e.${key} AS key`,
    searchRelationships: `MATCH ()-[e]->() WHERE e.${key} IN $keys RETURN elementId(e) AS id, e.${key} AS key`,
    scanNodes: `MATCH (e) WHERE ${notOurs} RETURN ${nodeColumns}`,
    scanRelationships: `MATCH (s)-[e]->(t) RETURN ${relationshipColumns}`,
    assignNodes: `UNWIND $rows AS x MATCH (e) WHERE elementId(e) = x.id AND (${unfit} OR e.${key} = x.old) SET e.${key} = x.key`,
    assignRelationships: `UNWIND $rows AS x MATCH ()-[e]->() WHERE elementId(e) = x.id AND (${unfit} OR e.${key} = x.old) SET e.${key} = x.key`,
    holdMarker: `MATCH (m:${MARKER_LABEL} {id: $id}) ${lock('apoc.lock.nodes', 'm')} ${heldAgain}`,
    takeLocks: `MATCH (m:${MARKER_LABEL}) WHERE m.id IN $names WITH m ORDER BY m.id, elementId(m) ${lock('apoc.lock.nodes', 'm')} ${heldAgain} RETURN count(DISTINCT m.id) AS taken`,
  };
}
