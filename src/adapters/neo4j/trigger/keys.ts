import { GAP_LABEL, isOursText, OUR_LABELS, OUTBOX_LABEL } from '../names.ts';
import { literal, OUTBOX_PROPERTIES } from './names.ts';

/**
 * Parts of the trigger's statement that look after what must not be lost: entries that wait, and keys. They use the variables of the
 * statement: what it is given, `own`, `g`, `goneNodes` and `goneRelationships`. See docs/decisions/010-neo4j-trigger.md.
 */

const last = OUTBOX_PROPERTIES.length - 1;

/** What the transaction deleted, by local id, to be asked without looking through a list for every row. */
export const GONE = ['Nodes', 'Relationships']
  .map(
    (kind) =>
      `CASE WHEN size(deleted${kind}) = 0 THEN {} ELSE apoc.map.fromPairs([e IN deleted${kind} | [toString(id(e)), true]]) END AS gone${kind}`,
  )
  .join(', ');

/** Whether the transaction deleted an entity, of which then nothing can be read. */
export function isGone(kind: 'Nodes' | 'Relationships', entity: string): string {
  return `(size(deleted${kind}) > 0 AND gone${kind}[toString(id(${entity}))] IS NOT NULL)`;
}

/** Waiting entries survive what users do to all nodes: what was deleted is written again, what was taken from them comes back. */
export const KEEP_OUTBOX = `
WITH *, CASE WHEN size(ob) = 0 THEN [] ELSE [rows IN lostRows | apoc.map.fromPairs([x IN rows | [elementId(x.node), x.old]])] END AS lost,
  [n IN ob WHERE ${isGone('Nodes', 'n')} | elementId(n)] AS gone
FOREACH (id IN [id IN gone WHERE lost[${last}][id] IS NOT NULL] | CREATE (:${OUTBOX_LABEL} {${OUTBOX_PROPERTIES.map((name, i) => `${name}: lost[${i}][id]`).join(', ')}}))
FOREACH (id IN [id IN gone WHERE lost[${last}][id] IS NULL] | CREATE (:${OUTBOX_LABEL}:${GAP_LABEL} {${OUTBOX_PROPERTIES.slice(
  0,
  2,
)
  .map((name, i) => `${name}: lost[${i}][id]`)
  .join(', ')}}))
FOREACH (n IN [n IN ob WHERE NOT ${isGone('Nodes', 'n')}] | SET n:${OUTBOX_LABEL})
FOREACH (i IN range(0, ${last}) | FOREACH (x IN [x IN lostRows[i] WHERE NOT ${isGone('Nodes', 'x.node')}] | FOREACH (n IN [x.node] | SET n[${literal(OUTBOX_PROPERTIES)}[i]] = x.old)))`;

const notOurs = (node: string) => `NOT ${isOursText(node)}`;
const NODE = '(e)';
const RELATIONSHIP = '()-[e]->()';

// Found by id, so that Cypher knows that it is a node: of anything else it takes locks before SET that deletions nearby hold, and a deadlock
// in a trigger comes to the user as an error that drivers do not retry.
const giveFresh = (match: string, key: string, ids: string) =>
  `WITH *, ${ids} AS ids CALL (ids, g) { MATCH ${match} WHERE id(e) IN ids SET e.${key} = g + '-' + id(e) }`;
const give = (match: string, key: string, pairs: string) =>
  `WITH *, ${pairs} AS pairs CALL (pairs) { UNWIND pairs AS y MATCH ${match} WHERE id(e) = y.e SET e.${key} = y.k }`;

/** Names an entity: by its local id where the transaction gave the key, else by its key, null where there is none. */
export function nameByKey(entity: string, key: string): string {
  return `[k IN [${entity}.${key}] | CASE WHEN k STARTS WITH g THEN id(${entity}) WHEN k IS :: STRING THEN k END][0]`;
}

/** The same of an entity whose key is the user's own and never given: its local id, with the key where there is one; false for a node of ours. */
export function nameByOwnKey(entity: string, key: string, isNode: boolean): string {
  const named = `CASE WHEN ${entity}.${key} IS :: STRING NOT NULL THEN [id(${entity}), ${entity}.${key}] ELSE id(${entity}) END`;
  return isNode ? orOurs(entity, key, named) : named;
}

function orOurs(node: string, key: string, named: string): string {
  return `CASE WHEN ${node}.${key} IS NULL AND ${isOursText(node)} THEN false ELSE ${named} END`;
}

/**
 * What is created has a key of its own, even where a copy brought another's along; a key that was changed or taken away comes back. Our own
 * transactions bring the keys of what they restore. A relationship that hangs on a node of ours gets none. Leaves the names of the ends
 * of what is created in `starts` and `ends`.
 */
export function keepKeys(key: string): string {
  const isFresh = (entity: string) =>
    `coalesce(${entity}.${key} IS :: STRING AND ${entity}.${key} STARTS WITH g, false)`;
  const chosen = (kind: 'Nodes' | 'Relationships', entity: string, alive: string) => {
    const [assigned, removed] = kind === 'Nodes' ? ['keyRows[0]', 'keyRows[1]'] : ['keyRows[2]', 'keyRows[3]'];
    return `CASE WHEN ${assigned} IS NULL AND ${removed} IS NULL THEN [] ELSE
    [x IN coalesce(${assigned}, []) WHERE NOT own AND (x.old IS NOT NULL OR NOT ${isFresh(`x.${entity}`)}) AND ${alive} | {e: id(x.${entity}), k: coalesce(x.old, g + '-' + id(x.${entity}))}]
    + [x IN coalesce(${removed}, []) WHERE NOT ${isGone(kind, `x.${entity}`)} | {e: id(x.${entity}), k: x.old}] END`;
  };
  const namesOf = (end: string) => `[r IN createdRelationships | ${nameByKey(`${end}Node(r)`, key)}]`;
  const isLoose = `startNode(r).${key} IS NULL OR endNode(r).${key} IS NULL`;
  return `
${giveFresh(NODE, key, `[n IN createdNodes WHERE (NOT own OR n.${key} IS NULL) AND (plain OR (${notOurs('n')})) | id(n)]`)}
${give(NODE, key, chosen('Nodes', 'node', notOurs('x.node')))}
WITH *, ${namesOf('start')} AS starts0, ${namesOf('end')} AS ends0
WITH *, CASE WHEN any(k IN starts0 WHERE k IS NULL) OR any(k IN ends0 WHERE k IS NULL) THEN [r IN createdRelationships WHERE ${isLoose}] ELSE [] END AS loose
${giveFresh(NODE, key, `[e IN [r IN loose | startNode(r)] + [r IN loose | endNode(r)] WHERE e.${key} IS NULL AND ${notOurs('e')} | id(e)]`)}
WITH *, [r IN loose WHERE ${isLoose}] AS untied, CASE WHEN size(loose) = 0 THEN starts0 ELSE ${namesOf('start')} END AS starts,
  CASE WHEN size(loose) = 0 THEN ends0 ELSE ${namesOf('end')} END AS ends
${giveFresh(RELATIONSHIP, key, `[r IN createdRelationships WHERE (NOT own OR r.${key} IS NULL) AND (size(untied) = 0 OR NOT r IN untied) | id(r)]`)}
CALL (untied) { UNWIND untied AS y MATCH ()-[e]->() WHERE id(e) = id(y) REMOVE e.${key} }
${give(RELATIONSHIP, key, chosen('Relationships', 'relationship', '(size(untied) = 0 OR NOT x.relationship IN untied)'))}
`;
}

/**
 * The names of all rows of `columns` in `names`. What a transaction touches that has no key is given one, of which there is nothing to do as
 * a rule: so the names tell whether there is. What hangs on a node of ours gets none.
 */
export function nameRows(key: string, givesKeys: boolean): string {
  const names = (column: string, node: string, relationship: string) => {
    const rows = (entity: string) => `[e IN ${column}[2] | ${entity}]`;
    const unlessGone = (kind: 'Nodes' | 'Relationships', entity: string) =>
      `[e IN ${column}[2] | CASE WHEN ${isGone(kind, 'e')} THEN id(e) ELSE ${entity} END]`;
    return `CASE WHEN ${column}[0] STARTS WITH 'L' AND ${column}[1] IN ${literal(OUR_LABELS)} THEN [e IN ${column}[2] | id(e)]
    WHEN ${column}[0] IN ['NP', 'L+'] THEN ${rows(node)} WHEN ${column}[0] IN ['NR', 'L-'] THEN ${unlessGone('Nodes', node)}
    WHEN ${column}[0] = 'RP' THEN ${rows(relationship)} ELSE ${unlessGone('Relationships', relationship)} END`;
  };
  if (!givesKeys)
    return `WITH *, [c IN columns | ${names('c', nameByOwnKey('e', key, true), nameByOwnKey('e', key, false))}] AS names`;
  const byKey = nameByKey('e', key);
  const bare = (kind: 'Nodes' | 'Relationships', condition: string) =>
    `reduce(a = [], i IN [i IN bare WHERE ${kind === 'Nodes' ? '' : 'NOT '}columns[i][0] IN ['NP', 'NR', 'L+', 'L-']] | a + [e IN columns[i][2] WHERE NOT ${isGone(kind, 'e')} AND e.${key} IS NULL AND ${condition} | id(e)])`;
  return `WITH *, [c IN columns | ${names('c', byKey, byKey)}] AS names0
WITH *, [i IN range(0, size(columns) - 1) WHERE any(name IN names0[i] WHERE name IS NULL)] AS bare
${giveFresh(NODE, key, bare('Nodes', notOurs('e')))}
${giveFresh(RELATIONSHIP, key, bare('Relationships', `startNode(e).${key} IS NOT NULL AND endNode(e).${key} IS NOT NULL`))}
WITH *, CASE WHEN size(bare) = 0 THEN names0 ELSE [i IN range(0, size(columns) - 1) | CASE WHEN i IN bare THEN ${names('columns[i]', orOurs('e', key, byKey), byKey)} ELSE names0[i] END] END AS names`;
}

/** The names of all rows of `columns`, of which the transaction deleted nothing. */
export function namesOfUpdates(key: string, givesKeys: boolean): string {
  const rows = (entity: string) => `[e IN c[2] | ${entity}]`;
  const node = givesKeys ? nameByKey('e', key) : nameByOwnKey('e', key, true);
  const relationship = givesKeys ? nameByKey('e', key) : nameByOwnKey('e', key, false);
  return `[c IN columns | CASE WHEN c[0] STARTS WITH 'L' AND c[1] IN ${literal(OUR_LABELS)} THEN ${rows('id(e)')} WHEN c[0] STARTS WITH 'R' THEN ${rows(relationship)} ELSE ${rows(node)} END]`;
}
