import { GAP_LABEL, LOCK_PROPERTY, MARKER_LABEL, OUR_PREFIX, OUTBOX_LABEL, quotedKeyProperty } from './names.ts';
import { column, weight } from './trigger-values.ts';

/** What decides the text of the trigger. */
export interface TriggerOptions {
  readonly keyProperty: string;
  /** Whether the trigger gives keys and guards them, or the property is the user's own and never written. */
  readonly givesKeys: boolean;
  /** Properties that other triggers compute. */
  readonly derivedProperties: readonly string[];
  /** Rows of an outbox node at most. */
  readonly rowsPerPart: number;
  /** Characters of values in an outbox node, about; a single larger value is alone in one. */
  readonly charactersPerPart: number;
  /** Outbox nodes that may wait; past it only a note is left that writes were not captured. */
  readonly mostWaiting: number;
}

/** Notes that writes were not captured, at most; past it not even that. */
export const MOST_NOTES = 1000;
/** Of an outbox node; of a note only the first two. Names that nobody else uses, so that they can be told in the parameters. */
export const OUTBOX_PROPERTIES = ['tx', 'at', 'part', 'parts', 'changes', 'rows', 'whose', 'size', 'payload'].map(
  (name) => `_palinode_${name}`,
);

const [TX, AT] = OUTBOX_PROPERTIES;
/** What APOC tells a trigger. */
const PARAMETERS = [
  ...[
    'createdNodes',
    'createdRelationships',
    'deletedNodes',
    'deletedRelationships',
    'assignedLabels',
    'removedLabels',
  ],
  ...[
    'assignedNodeProperties',
    'removedNodeProperties',
    'assignedRelationshipProperties',
    'removedRelationshipProperties',
  ],
  'metaData',
];

/**
 * The statement of the trigger, which APOC runs before each commit. It keeps the keys, then writes down what the transaction changes, as
 * columns; see outbox-draft.ts, which reads them, and docs/decisions/010-neo4j-trigger.md for why it is built like this.
 *
 * It must not fail on any data, since that would be the user's commit failing. So nothing is read of entities that the transaction
 * deleted but what the parameters say of them, and nothing is assumed of the type of any value, metadata included.
 */
export function triggerStatement(options: TriggerOptions): string {
  const parameters = PARAMETERS.map((name) => `${name}: $${name}`).join(', ');
  return `WITH $metaData.palinodeDrain AS drain WHERE drain IS NULL OR drain <> true
CALL apoc.cypher.doIt(${literal(innerStatement(options))}, {p: {${parameters}}}) YIELD value RETURN count(value)`;
}

function innerStatement(options: TriggerOptions): string {
  const { rowsPerPart, charactersPerPart, mostWaiting, givesKeys } = options;
  const key = quotedKeyProperty(options.keyProperty);
  const hidden = literal([
    ...(givesKeys ? [options.keyProperty] : []),
    LOCK_PROPERTY,
    ...OUTBOX_PROPERTIES,
    ...options.derivedProperties,
  ]);
  const derived = literal([LOCK_PROPERTY, ...OUTBOX_PROPERTIES, ...options.derivedProperties]);
  const isChange = `x[0] IN ['NP', 'NR', 'RP', 'RR']`;
  return `WITH ${PARAMETERS.map((name) => `p.${name} AS ${name}`).join(', ')}
WITH *, randomUUID() AS g, datetime.realtime() AS now, CASE WHEN metaData.palinode IS :: MAP NOT NULL THEN metaData.palinode ELSE {} END AS who,
  coalesce(removedLabels.${OUTBOX_LABEL}, []) AS ob
WITH *, who.id IS :: STRING NOT NULL AND coalesce(who.source IN ['API', 'ROLLBACK'], false) AS own
${KEEP_OUTBOX}${givesKeys ? keepKeys(key) : ''}
WITH *, [x IN [['N+', '', size(createdNodes)], ['N-', '', size(deletedNodes)], ['R+', '', size(createdRelationships)], ['R-', '', size(deletedRelationships)]]
  + [k IN keys(assignedLabels) WHERE k <> '${OUTBOX_LABEL}' | ['L+', k, size(assignedLabels[k])]]
  + [k IN keys(removedLabels) WHERE k <> '${OUTBOX_LABEL}' | ['L-', k, size(removedLabels[k])]]
  + [k IN keys(assignedNodeProperties) WHERE NOT k IN ${hidden} | ['NP', k, size(assignedNodeProperties[k])]]
  + [k IN keys(removedNodeProperties) WHERE NOT k IN ${derived} | ['NR', k, size(removedNodeProperties[k])]]
  + [k IN keys(assignedRelationshipProperties) WHERE NOT k IN ${hidden} | ['RP', k, size(assignedRelationshipProperties[k])]]
  + [k IN keys(removedRelationshipProperties) WHERE NOT k IN ${derived} | ['RR', k, size(removedRelationshipProperties[k])]] WHERE x[2] > 0] AS src,
  COUNT { MATCH (:${OUTBOX_LABEL}) } AS waiting
WHERE size(src) > 0 AND waiting < ${mostWaiting + MOST_NOTES}
WITH *, CASE WHEN own THEN left(who.id, 100) ELSE g END AS tx, now.epochSeconds * 1000000000 + now.nanosecond AS at
FOREACH (_ IN CASE WHEN waiting >= ${mostWaiting} THEN [1] ELSE [] END | CREATE (:${OUTBOX_LABEL}:${GAP_LABEL} {${TX}: tx, ${AT}: at}))
WITH * WHERE waiting < ${mostWaiting}
WITH *, reduce(t = 0, x IN src | t + x[2]) AS rows, [x IN src | CASE WHEN ${isChange} THEN ${weight(rowsOf('x'))} ELSE 0 END] AS weights,
  reduce(t = size(createdNodes) + size(deletedNodes), x IN src | CASE WHEN x[0] IN ['L+', 'L-', 'NP', 'NR'] AND x[2] > t THEN x[2] ELSE t END)
    + reduce(t = size(createdRelationships) + size(deletedRelationships), x IN src | CASE WHEN x[0] IN ['RP', 'RR'] AND x[2] > t THEN x[2] ELSE t END) AS changes,
  apoc.convert.toJson([toStringOrNull(who.source), left(toStringOrNull(who.actor), 1000), left(toStringOrNull(who.session), 1000), left(toStringOrNull(who.operation), 100), g]) AS whose
WITH *, CASE WHEN rows <= ${rowsPerPart} AND reduce(t = 0, w IN weights | t + w) <= ${charactersPerPart} THEN [[x IN src | [x[0], x[1], 0, x[2]]]]
  ELSE reduce(a = [], i IN range(0, size(src) - 1) | a + [x IN [src[i]] | CASE WHEN weights[i] <= ${charactersPerPart}
    THEN [i IN range(0, x[2] - 1, ${rowsPerPart}) | [[x[0], x[1], i, i + ${rowsPerPart}]]] ELSE ${heavyParts(rowsPerPart, charactersPerPart)} END][0]) END AS parts
UNWIND range(0, size(parts) - 1) AS p
WITH tx, at, p, size(parts) AS parts, changes, rows, whose, apoc.convert.toJson([s IN parts[p] | ${cells(options, key)}]) AS payload
CREATE (:${OUTBOX_LABEL} {${OUTBOX_PROPERTIES.map((name, i) => `${name}: ${['tx', 'at', 'p', 'parts', 'changes', 'rows', 'whose', 'size(payload)', 'payload'][i]}`).join(', ')}})`;
}

/** The rows of a column of values. */
function rowsOf(section: string): string {
  return `CASE ${section}[0] WHEN 'NP' THEN assignedNodeProperties[${section}[1]] WHEN 'NR' THEN removedNodeProperties[${section}[1]]
    WHEN 'RP' THEN assignedRelationshipProperties[${section}[1]] ELSE removedRelationshipProperties[${section}[1]] END`;
}

/**
 * One column. Entities that the transaction created or deleted are named by their local id, others by their key; null where there is none,
 * false for a node of ours.
 */
function cells({ givesKeys }: TriggerOptions, key: string): string {
  const rows = (list: string) => `${list}[s[2]..s[3]]`;
  const ids = (list: string, entity: string) => `[x IN ${rows(list)} | id(${entity})]`;
  const keyOrId = (entity: string) =>
    givesKeys
      ? `CASE WHEN ${entity}.${key} STARTS WITH g THEN id(${entity}) WHEN ${entity}.${key} IS :: STRING THEN ${entity}.${key} END`
      : `CASE WHEN ${entity}.${key} IS :: STRING NOT NULL THEN [id(${entity}), ${entity}.${key}] ELSE id(${entity}) END`;
  const node = (entity: string) =>
    `CASE WHEN ${entity}.${key} IS NULL AND (${entity}:${OUTBOX_LABEL} OR ${entity}:${MARKER_LABEL}) THEN false ELSE ${keyOrId(entity)} END`;
  const created = (list: string) =>
    `[s[0], s[1], ${ids(list, 'x')}, ${givesKeys ? 'CASE WHEN own THEN ' : ''}[x IN ${rows(list)} | x.${key}]${givesKeys ? ' END' : ''}`;
  const nodeRow = `CASE WHEN s[0] = 'NR' AND x.node IN deletedNodes THEN id(x.node) ELSE ${node('x.node')} END`;
  const relationshipRow = `CASE WHEN s[0] = 'RR' AND x.relationship IN deletedRelationships THEN id(x.relationship) ELSE ${keyOrId('x.relationship')} END`;
  return `CASE s[0]
  WHEN 'N+' THEN ${created('createdNodes')}]
  WHEN 'N-' THEN [s[0], s[1], ${ids('deletedNodes', 'x')}]
  WHEN 'R+' THEN ${created('createdRelationships')}, [x IN ${rows('createdRelationships')} | type(x)],
    [x IN ${rows('createdRelationships')} | startNode(x).${key}], [x IN ${rows('createdRelationships')} | endNode(x).${key}]]
  WHEN 'R-' THEN [s[0], s[1], ${ids('deletedRelationships', 'x')}]
  WHEN 'L+' THEN [s[0], s[1], [x IN ${rows('assignedLabels[s[1]]')} | CASE WHEN s[1] STARTS WITH '${OUR_PREFIX}' THEN id(x) ELSE ${node('x')} END]]
  WHEN 'L-' THEN [s[0], s[1], [x IN ${rows('removedLabels[s[1]]')} | CASE WHEN x IN deletedNodes THEN id(x) ELSE ${node('x')} END]]
  ELSE [l IN [${rows(`(${rowsOf('s')})`)}] | [s[0], s[1], CASE WHEN s[0] STARTS WITH 'N' THEN [x IN l | ${nodeRow}] ELSE [x IN l | ${relationshipRow}] END]
    + [c IN CASE WHEN s[0] ENDS WITH 'P' THEN [[x IN l | x.old], [x IN l | x.new]] ELSE [[x IN l | x.old]] END | ${column('c')}]][0] END`;
}

/** The parts of a column whose values are too many characters for one: as many rows in each as fit, one at least. */
function heavyParts(rowsPerPart: number, charactersPerPart: number): string {
  const size = weight(`[(${rowsOf('x')})[i]]`);
  return `[acc IN [reduce(acc = {done: [], start: 0, held: 0}, i IN range(0, x[2] - 1) |
    CASE WHEN i > acc.start AND (acc.held + ${size} > ${charactersPerPart} OR i - acc.start >= ${rowsPerPart})
      THEN {done: acc.done + [[[x[0], x[1], acc.start, i]]], start: i, held: ${size}}
      ELSE {done: acc.done, start: acc.start, held: acc.held + ${size}} END)] | acc.done + [[[x[0], x[1], acc.start, x[2]]]]][0]`;
}

/** Waiting entries survive what users do to all nodes: what was deleted is written again, what was taken from them comes back. */
const KEEP_OUTBOX = `
WITH *, CASE WHEN size(ob) = 0 THEN [] ELSE [k IN ${literal(OUTBOX_PROPERTIES)} | apoc.map.fromPairs([x IN coalesce(removedNodeProperties[k], []) WHERE x.node IN ob | [elementId(x.node), x.old]])] END AS lost,
  [n IN ob WHERE n IN deletedNodes | elementId(n)] AS gone
FOREACH (id IN [id IN gone WHERE lost[${OUTBOX_PROPERTIES.length - 1}][id] IS NOT NULL] | CREATE (:${OUTBOX_LABEL} {${OUTBOX_PROPERTIES.map((name, i) => `${name}: lost[${i}][id]`).join(', ')}}))
FOREACH (id IN [id IN gone WHERE lost[${OUTBOX_PROPERTIES.length - 1}][id] IS NULL] | CREATE (:${OUTBOX_LABEL}:${GAP_LABEL} {${TX}: lost[0][id], ${AT}: lost[1][id]}))
FOREACH (n IN [n IN ob WHERE NOT n IN deletedNodes] | SET n:${OUTBOX_LABEL})
FOREACH (k IN ${literal(OUTBOX_PROPERTIES)} | FOREACH (x IN [x IN coalesce(removedNodeProperties[k], []) WHERE NOT x.node IN deletedNodes] | FOREACH (n IN [x.node] | SET n[k] = x.old)))`;

/**
 * What has no key gets one; a key that was changed or taken away comes back; what was created has one of its own, even where a copy brought
 * another's along. Our own transactions bring the keys of what they restore. What hangs on a node of ours gets none.
 */
function keepKeys(key: string): string {
  const notOurs = (node: string) => `NOT ${node}:${MARKER_LABEL} AND NOT ${node}:${OUTBOX_LABEL}`;
  const fresh = (entity: string) => `{e: id(${entity}), k: g + '-' + id(${entity})}`;
  // Found by id, so that Cypher knows that it is a node: of anything else it takes locks before SET that deletions nearby hold, and a deadlock
  // in a trigger comes to the user as an error that drivers do not retry. Of two keys for one entity the last counts: the one that it had.
  const give = (match: string, pairs: string) =>
    `WITH *, ${pairs} AS pairs CALL (pairs) { UNWIND pairs AS y MATCH ${match} WHERE id(e) = y.e SET e.${key} = y.k }`;
  const [NODE, RELATIONSHIP] = ['(e)', '()-[e]->()'];
  const isFresh = (entity: string) =>
    `coalesce(${entity}.${key} IS :: STRING AND ${entity}.${key} STARTS WITH g, false)`;
  const chosen = (map: string, entity: string, gone: string, alive: string) =>
    `[x IN coalesce(assigned${map}.${key}, []) WHERE NOT own AND (x.old IS NOT NULL OR NOT ${isFresh(`x.${entity}`)})${alive} | {e: id(x.${entity}), k: coalesce(x.old, g + '-' + id(x.${entity}))}]
  + [x IN coalesce(removed${map}.${key}, []) WHERE NOT x.${entity} IN ${gone} | {e: id(x.${entity}), k: x.old}]`;
  const touched = (map: string, entity: string, gone: string) =>
    `[k IN keys(${map}) | [x IN ${map}[k] WHERE NOT ${entity} IN ${gone} AND ${entity}.${key} IS NULL | ${entity}]]`;
  const lists = (all: string, condition: string) =>
    `reduce(a = [], l IN ${all} | a + [e IN l WHERE ${condition} | ${fresh('e')}])`;
  return `
${give(NODE, `[n IN createdNodes WHERE (NOT own OR n.${key} IS NULL) AND ${notOurs('n')} | ${fresh('n')}]`)}
WITH *, [r IN createdRelationships WHERE startNode(r).${key} IS NULL OR endNode(r).${key} IS NULL] AS loose
${give(
  NODE,
  `${lists('[r IN loose | [startNode(r), endNode(r)]]', `e.${key} IS NULL AND ${notOurs('e')}`)}
  + ${lists(`${touched('assignedNodeProperties', 'x.node', '[]')} + ${touched('removedNodeProperties', 'x.node', 'deletedNodes')} + ${touched('assignedLabels', 'x', '[]')} + ${touched('removedLabels', 'x', 'deletedNodes')}`, notOurs('e'))}
  + ${chosen('NodeProperties', 'node', 'deletedNodes', ` AND ${notOurs('x.node')}`)}`,
)}
WITH *, [r IN loose WHERE startNode(r).${key} IS NULL OR endNode(r).${key} IS NULL] AS untied
${give(RELATIONSHIP, `[r IN createdRelationships WHERE (NOT own OR r.${key} IS NULL) AND (size(untied) = 0 OR NOT r IN untied) | ${fresh('r')}]`)}
CALL (untied) { UNWIND untied AS y MATCH ()-[e]->() WHERE id(e) = id(y) REMOVE e.${key} }
${give(
  RELATIONSHIP,
  `${lists(`${touched('assignedRelationshipProperties', 'x.relationship', '[]')} + ${touched('removedRelationshipProperties', 'x.relationship', 'deletedRelationships')}`, `startNode(e).${key} IS NOT NULL AND endNode(e).${key} IS NOT NULL`)}
  + ${chosen('RelationshipProperties', 'relationship', 'deletedRelationships', ' AND NOT x.relationship IN untied')}`,
)}
`;
}

/** A string, or a list of strings, in query text. Names may hold anything; backslashes are doubled, so that no escape is left in them. */
function literal(text: string | readonly string[]): string {
  if (typeof text !== 'string') return `[${text.map((one) => literal(one)).join(', ')}]`;
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
