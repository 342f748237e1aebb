import { LOCK_PROPERTY, MARKER_LABEL, OUTBOX_LABEL, quotedKeyProperty } from './names.ts';

/** What decides the text of the trigger. */
export interface TriggerOptions {
  readonly keyProperty: string;
  /** Whether the trigger gives keys and guards them, or the property is the user's own and never written. */
  readonly givesKeys: boolean;
  /** Properties that other triggers compute. */
  readonly derivedProperties: readonly string[];
  /** Rows of an outbox node at most. */
  readonly rowsPerPart: number;
  /** Outbox nodes that may wait; past it only a note is left that writes were not captured. */
  readonly mostWaiting: number;
}

/** Notes that writes were not captured, at most; past it not even that. */
const MOST_NOTES = 1000;
/** Of an outbox node. */
const OUTBOX_PROPERTIES = ['tx', 'at', 'part', 'parts', 'changes', 'meta', 'payload'];

/**
 * The statement of the trigger, which APOC runs before each commit. It keeps the keys, then writes down what the transaction changes
 * as columns: [section, name, ids, ...]. See outbox-columns.ts, which reads them, and docs/decisions/010-neo4j-trigger.md for why it is
 * built like this.
 *
 * It must not fail on any data, since that would be the user's commit failing. So nothing is read of entities that the transaction
 * deleted but what the parameters say of them, and nothing is assumed of the type of any value, metadata included.
 */
export function triggerStatement(options: TriggerOptions): string {
  const { rowsPerPart, mostWaiting } = options;
  const key = quotedKeyProperty(options.keyProperty);
  const hidden = literal([options.keyProperty, LOCK_PROPERTY, ...options.derivedProperties]);
  const derived = literal([LOCK_PROPERTY, ...options.derivedProperties]);
  const keyOf = (entity: string) =>
    `coalesce(${entity}.${key}, CASE WHEN ${entity}:${OUTBOX_LABEL} OR ${entity}:${MARKER_LABEL} THEN false END)`;
  const removed = (list: string) => `[x IN ${list} | id(x.node)],
    [x IN ${list} | CASE WHEN NOT x.node IN $deletedNodes THEN ${keyOf('x.node')} END], ${column(list, 'x.old')}`;
  const rows = (list: string) => `${list}[s.i..s.i+${rowsPerPart}]`;
  return `
WITH $metaData.palinodeDrain AS drain WHERE drain IS NULL OR drain <> true
WITH randomUUID() AS g, datetime.realtime() AS at,
  CASE WHEN $metaData.palinode IS :: MAP NOT NULL THEN $metaData.palinode.id IS :: STRING NOT NULL ELSE false END AS own, coalesce($removedLabels.${OUTBOX_LABEL}, []) AS ob
${options.givesKeys ? keepKeys(key) : ''}
WITH g, at, own, ob,
  [x IN [['N+', '', size($createdNodes)], ['N-', '', size($deletedNodes)], ['R+', '', size($createdRelationships)], ['R-', '', size($deletedRelationships)]]
    + [k IN keys($assignedLabels) WHERE NOT k IN ['${OUTBOX_LABEL}', '${MARKER_LABEL}'] | ['L+', k, size($assignedLabels[k])]]
    + [k IN keys($removedLabels) WHERE NOT k IN ['${OUTBOX_LABEL}', '${MARKER_LABEL}'] | ['L-', k, size($removedLabels[k])]]
    + [k IN keys($assignedNodeProperties) WHERE NOT k IN ${hidden} | ['NP', k, size($assignedNodeProperties[k])]]
    + [k IN keys($removedNodeProperties) WHERE NOT k IN ${derived} | [CASE WHEN size(ob) > 0 AND k IN ${literal(OUTBOX_PROPERTIES)} THEN 'NO' ELSE 'NR' END, k, size($removedNodeProperties[k])]]
    + [k IN keys($assignedRelationshipProperties) WHERE NOT k IN ${hidden} | ['RP', k, size($assignedRelationshipProperties[k])]]
    + [k IN keys($removedRelationshipProperties) WHERE NOT k IN ${derived} | ['RR', k, size($removedRelationshipProperties[k])]]
   WHERE x[2] > 0] AS src
WHERE size(src) > 0
WITH *, COUNT { MATCH (:${OUTBOX_LABEL}) } AS waiting
WITH *, reduce(t = 0, x IN src | t + x[2]) AS changes WHERE waiting < ${mostWaiting + MOST_NOTES}
WITH *, CASE WHEN waiting >= ${mostWaiting} THEN [null]
  WHEN changes <= ${rowsPerPart} THEN [[x IN src | {s: x[0], k: x[1], i: 0}]]
  ELSE reduce(a = [], x IN src | a + [i IN range(0, x[2] - 1, ${rowsPerPart}) | [{s: x[0], k: x[1], i: i}]]) END AS parts
UNWIND range(0, size(parts) - 1) AS p
CREATE (:${OUTBOX_LABEL} {tx: g, at: at, part: p, parts: size(parts), changes: changes, meta: apoc.convert.toJson([own, $metaData.palinode]),
  payload: CASE WHEN parts[p] IS NULL THEN null ELSE apoc.convert.toJson([s IN parts[p] | CASE s.s
  WHEN 'N+' THEN [s.s, s.k, [n IN ${rows('$createdNodes')} | id(n)], ${options.givesKeys ? 'CASE WHEN own THEN ' : ''}[n IN ${rows('$createdNodes')} | ${keyOf('n')}]${options.givesKeys ? ' END' : ''}]
  WHEN 'N-' THEN [s.s, s.k, [n IN ${rows('$deletedNodes')} | id(n)]]
  WHEN 'R+' THEN [s.s, s.k, [r IN ${rows('$createdRelationships')} | id(r)], ${options.givesKeys ? 'CASE WHEN own THEN ' : ''}[r IN ${rows('$createdRelationships')} | r.${key}]${options.givesKeys ? ' END' : ''},
    [r IN ${rows('$createdRelationships')} | type(r)], [r IN ${rows('$createdRelationships')} | startNode(r).${key}], [r IN ${rows('$createdRelationships')} | endNode(r).${key}]]
  WHEN 'R-' THEN [s.s, s.k, [r IN ${rows('$deletedRelationships')} | id(r)]]
  WHEN 'L+' THEN [s.s, s.k, [n IN ${rows('$assignedLabels[s.k]')} | id(n)], [n IN ${rows('$assignedLabels[s.k]')} | ${keyOf('n')}]]
  WHEN 'L-' THEN [s.s, s.k, [n IN ${rows('$removedLabels[s.k]')} | id(n)], [n IN ${rows('$removedLabels[s.k]')} | CASE WHEN NOT n IN $deletedNodes THEN ${keyOf('n')} END]]
  WHEN 'NP' THEN [s.s, s.k, [x IN ${rows('$assignedNodeProperties[s.k]')} | id(x.node)], [x IN ${rows('$assignedNodeProperties[s.k]')} | ${keyOf('x.node')}],
    ${column(rows('$assignedNodeProperties[s.k]'), 'x.old')}, ${column(rows('$assignedNodeProperties[s.k]'), 'x.new')}]
  WHEN 'NR' THEN [s.s, s.k, ${removed(rows('$removedNodeProperties[s.k]'))}]
  WHEN 'NO' THEN ['NR', s.k, ${removed(`[x IN ${rows('$removedNodeProperties[s.k]')} WHERE NOT x.node IN ob]`)}]
  WHEN 'RP' THEN [s.s, s.k, [x IN ${rows('$assignedRelationshipProperties[s.k]')} | id(x.relationship)], [x IN ${rows('$assignedRelationshipProperties[s.k]')} | x.relationship.${key}],
    ${column(rows('$assignedRelationshipProperties[s.k]'), 'x.old')}, ${column(rows('$assignedRelationshipProperties[s.k]'), 'x.new')}]
  ELSE [s.s, s.k, [x IN ${rows('$removedRelationshipProperties[s.k]')} | id(x.relationship)],
    [x IN ${rows('$removedRelationshipProperties[s.k]')} | CASE WHEN NOT x.relationship IN $deletedRelationships THEN x.relationship.${key} END],
    ${column(rows('$removedRelationshipProperties[s.k]'), 'x.old')}]
  END]) END})`;
}

/**
 * What has no key gets one; a key that was changed or taken away comes back; what was created has one of its own, even where a copy brought
 * another's along. Our own transactions bring the keys of what they restore. Outbox nodes that a user deleted are written again.
 */
function keepKeys(key: string): string {
  const fresh = (entity: string) => `SET ${entity}.${key} = g + '-' + id(${entity})`;
  const unkeyed = `${'n'}.${key} IS NULL AND NOT n:${OUTBOX_LABEL} AND NOT n:${MARKER_LABEL}`;
  const plain = key.slice(1, -1);
  const column = (map: string) => `coalesce($${map}.${key}, [])`;
  return `
CALL (g, own) { UNWIND $createdNodes AS n WITH g, n WHERE (NOT own OR n.${key} IS NULL) AND NOT n:${MARKER_LABEL} AND NOT n:${OUTBOX_LABEL} ${fresh('n')} }
CALL (g, own) { UNWIND $createdRelationships AS r WITH g, r WHERE NOT own OR r.${key} IS NULL ${fresh('r')} }
CALL (g, own) { UNWIND ${column('assignedNodeProperties')} AS x WITH g, own, x.node AS n, x.old AS o WHERE NOT own AND (o IS NOT NULL OR NOT n.${key} STARTS WITH g) SET n.${key} = coalesce(o, g + '-' + id(n)) }
CALL (g, own) { UNWIND ${column('assignedRelationshipProperties')} AS x WITH g, own, x.relationship AS r, x.old AS o WHERE NOT own AND (o IS NOT NULL OR NOT r.${key} STARTS WITH g) SET r.${key} = coalesce(o, g + '-' + id(r)) }
CALL () { UNWIND ${column('removedNodeProperties')} AS x WITH x.node AS n, x.old AS o WHERE NOT n IN $deletedNodes SET n.${key} = o }
CALL () { UNWIND ${column('removedRelationshipProperties')} AS x WITH x.relationship AS r, x.old AS o WHERE NOT r IN $deletedRelationships SET r.${key} = o }
CALL (g) { UNWIND keys($assignedNodeProperties) AS k UNWIND [x IN $assignedNodeProperties[k] WHERE k <> ${literal(plain)} AND x.node.${key} IS NULL | x.node] AS n WITH DISTINCT g, n WHERE ${unkeyed} ${fresh('n')} }
CALL (g) { UNWIND keys($assignedRelationshipProperties) AS k UNWIND [x IN $assignedRelationshipProperties[k] WHERE x.relationship.${key} IS NULL | x.relationship] AS r WITH DISTINCT g, r ${fresh('r')} }`;
}

/** Letters of columns whose values all have one type, or are absent, with the test for it; their values stand as they are. */
const PLAIN_COLUMNS: readonly (readonly [string, string])[] = [
  ['S', 'STRING'],
  ['I', 'INTEGER'],
  ['F', 'FLOAT'],
  ['B', 'BOOLEAN'],
  ['LS', 'LIST<STRING NOT NULL>'],
  ['LF', 'LIST<FLOAT NOT NULL>'],
];
const TEXT_TYPES = ['DATE', 'LOCAL TIME', 'ZONED TIME', 'LOCAL DATETIME', 'ZONED DATETIME', 'DURATION'];

/**
 * A column of values: ['0'] when all are absent; a letter and the values; or X and, of each value, its type and itself, temporals as texts.
 * The type of a value is asked for once: asking is what costs.
 */
function column(list: string, value: string): string {
  const all = (test: string) => `all(x IN ${list} WHERE ${value} ${test})`;
  const plain = PLAIN_COLUMNS.map(
    ([letter, type]) => `WHEN ${all(`IS :: ${type}`)} THEN ['${letter}', [x IN ${list} | ${value}]]`,
  );
  const texts = literal(TEXT_TYPES.map((type) => `${type} NOT NULL`));
  const textLists = literal(TEXT_TYPES.map((type) => `LIST<${type} NOT NULL> NOT NULL`));
  const each = `[t IN [valueType(${value})] | CASE WHEN ${value} IS NULL THEN null WHEN t IN ${texts} THEN [t, toString(${value})]
      WHEN t IN ${textLists} THEN [t, [v IN ${value} | toString(v)]]
      WHEN t = 'LIST<INTEGER NOT NULL> NOT NULL' AND apoc.meta.cypher.type(${value}) <> 'LIST OF INTEGER' THEN ['BYTES', ${value}]
      ELSE [t, ${value}] END][0]`;
  return `CASE WHEN ${all('IS NULL')} THEN ['0'] ${plain.join(' ')} ELSE ['X', [x IN ${list} | ${each}]] END`;
}

/** A string, or a list of strings, in query text. Names may hold anything; backslashes are doubled, so that no escape is left in them. */
function literal(text: string | readonly string[]): string {
  if (typeof text !== 'string') return `[${text.map((one) => literal(one)).join(', ')}]`;
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
