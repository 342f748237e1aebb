import { GAP_LABEL, OUR_LABELS, OUTBOX_LABEL, quotedKeyProperty } from '../names.ts';
import { COLUMN_CELL, cellOf, columnsOf, heavyParts } from './columns.ts';
import { GONE, KEEP_OUTBOX, keepKeys, nameRows, namesOfUpdates } from './keys.ts';
import { KEY_MAPS, literal, OUTBOX_PROPERTIES } from './names.ts';
import { WHOSE, writeSmall } from './small.ts';
import { trustedMetadata } from './trust.ts';
import { kindOf, weightOf } from './values.ts';

/** What decides the text of the trigger. */
export interface TriggerOptions {
  /** SHA-256, in hexadecimal digits, of what the service proves itself with. */
  readonly secretHash: string;
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

/** Entities that a transaction creates and deletes up to which it always counts what waits. */
const ALWAYS_COUNTED = 100;

const [TX, AT] = OUTBOX_PROPERTIES;

const CHANGED = ['createdNodes', 'createdRelationships', 'deletedNodes', 'deletedRelationships']
  .map((name) => `size($${name})`)
  .join(' + ');
/**
 * How many entries wait. Within a transaction Neo4j goes through all that it creates and deletes to tell, so a large one asks only now and
 * then, the less the larger it is, unless the bound was reached before: what did not ask may be far beyond it, and without a note yet, which
 * whoever asks next leaves. In a list, so that the number is not asked for without need.
 */
const waiting = ({ mostWaiting }: TriggerOptions): string =>
  `coalesce(head([_ IN CASE WHEN rand() * (${CHANGED}) < ${ALWAYS_COUNTED} OR EXISTS { MATCH (:${GAP_LABEL}) } THEN [1] ELSE [] END
    | [c IN [COUNT { MATCH (:${OUTBOX_LABEL}) }] | CASE WHEN c > ${mostWaiting} AND NOT EXISTS { MATCH (:${GAP_LABEL}) } THEN ${mostWaiting} ELSE c END][0]]), 0)`;

/**
 * The statement of the trigger, which APOC runs before each commit. It keeps the keys, then writes down what the transaction changes, as
 * columns; see outbox/draft.ts, which reads them, and docs/decisions/010-neo4j-trigger.md for why it is built like this.
 *
 * It must not fail on any data, since that would be the user's commit failing. So nothing is read of entities that the transaction
 * deleted but what the parameters say of them, and nothing is assumed of the type of any value, metadata included.
 *
 * The inner statements, which take long to plan, ask for nothing whose number grows and shrinks as entries come and go: they would be planned
 * anew within some user's commit each time. Most transactions are small and only change what exists: of these a shorter statement takes
 * care, and gives way to the other one where something has no key.
 */
export function triggerStatement(options: TriggerOptions): string {
  const parts = Object.entries(partsOf(options)).map(([name, text]) => `${name}: ${text}`);
  return `CYPHER replan=skip ${trustedMetadata(options.secretHash)}
${writeSmall(options, CHANGED)}
WITH {${parts.join(', ')}} AS p, ${literal(wholeStatement(options))} AS whole
CALL apoc.cypher.doIt(CASE WHEN ${onlyUpdates(options)} THEN ${literal(updatesStatement(options))} ELSE whole END, {p: p}) YIELD value
WITH p, whole, value WHERE value.again
CALL apoc.cypher.doIt(whole, {p: p}) YIELD value AS done RETURN count(done)`;
}

/**
 * What the inner statements are given. Property by property as lists, since each way in and out of a procedure makes every map of a row
 * anew.
 */
function partsOf(options: TriggerOptions): Readonly<Record<string, string>> {
  const key = quotedKeyProperty(options.keyProperty);
  return {
    counted: waiting(options),
    who: 'who',
    createdNodes: '$createdNodes',
    createdRelationships: '$createdRelationships',
    deletedNodes: '$deletedNodes',
    deletedRelationships: '$deletedRelationships',
    columns: columnsOf(options),
    ob: `coalesce($removedLabels.${OUTBOX_LABEL}, [])`,
    plain: OUR_LABELS.map((label) => `$assignedLabels.${label} IS NULL`).join(' AND '),
    lostRows: `[k IN ${literal(OUTBOX_PROPERTIES)} | coalesce($removedNodeProperties[k], [])]`,
    keyRows: options.givesKeys ? `[${KEY_MAPS.map((map) => `$${map}.${key}`).join(', ')}]` : '[]',
  };
}

/** Whether the transaction creates and deletes nothing, and leaves alone keys and entries that wait. */
function onlyUpdates({ keyProperty, givesKeys }: TriggerOptions): string {
  const key = quotedKeyProperty(keyProperty);
  const keys = givesKeys ? KEY_MAPS.map((map) => `$${map}.${key} IS NULL`) : [];
  return [
    `${CHANGED} = 0`,
    `$removedLabels.${OUTBOX_LABEL} IS NULL`,
    `none(k IN keys($removedNodeProperties) WHERE k IN ${literal(OUTBOX_PROPERTIES)})`,
    // Our own transactions write markers, which have no key.
    'p.who.id IS NULL',
    ...keys,
  ].join(' AND ');
}

const MOMENT = `randomUUID() AS g, datetime.realtime() AS now`;
const OWN = `who.id IS :: STRING NOT NULL AND coalesce(who.source IN ['API', 'ROLLBACK'], false) AS own`;
const unpacked = (names: readonly string[]) => `WITH ${names.map((name) => `p.${name} AS ${name}`).join(', ')}`;

function wholeStatement(options: TriggerOptions): string {
  const { givesKeys } = options;
  const key = quotedKeyProperty(options.keyProperty);
  return `${unpacked(Object.keys(partsOf(options)))}
WITH *, ${MOMENT}, ${GONE}
WITH *, ${OWN}
${KEEP_OUTBOX}${givesKeys ? keepKeys(key) : ''}
${nameRows(key, givesKeys)}
WITH *, [x IN [['N+', '', size(createdNodes), -1], ['N-', '', size(deletedNodes), -1], ['R+', '', size(createdRelationships), -1], ['R-', '', size(deletedRelationships), -1]]
  + [i IN range(0, size(columns) - 1) | [columns[i][0], columns[i][1], size(columns[i][2]), i]] WHERE x[2] > 0] AS src, counted + size(gone) AS waiting, false AS again
${writeDown(options, { nodes: 'size(createdNodes) + size(deletedNodes)', relationships: 'size(createdRelationships) + size(deletedRelationships)', cell: cellOf(options, key) })}`;
}

/** Of a transaction that creates and deletes nothing. Leaves it alone, and says `again`, when something has no key. */
function updatesStatement(options: TriggerOptions): string {
  const key = quotedKeyProperty(options.keyProperty);
  const isBare = 'any(list IN names WHERE any(name IN list WHERE name IS NULL))';
  return `${unpacked(['counted', 'who', 'columns'])}
WITH *, ${MOMENT}
WITH *, ${OWN}, ${namesOfUpdates(key, options.givesKeys)} AS names
WITH *, [i IN range(0, size(columns) - 1) | [columns[i][0], columns[i][1], size(columns[i][2]), i]] AS src, counted AS waiting, ${options.givesKeys ? isBare : 'false'} AS again
${writeDown(options, { nodes: '0', relationships: '0', cell: COLUMN_CELL })}
RETURN again`;
}

interface Counts {
  /** How many nodes the transaction creates and deletes. */
  readonly nodes: string;
  readonly relationships: string;
  /** What is written down of `s`, a part of a column. */
  readonly cell: string;
}

/** Writes down the columns that `src` lists, unless `again`: as many outbox nodes as it takes, or a note in their place. */
function writeDown(options: TriggerOptions, { nodes, relationships, cell }: Counts): string {
  const { rowsPerPart, charactersPerPart, mostWaiting } = options;
  const fits = `rows <= ${rowsPerPart} AND reduce(t = 0, w IN weights | t + w) <= ${charactersPerPart}`;
  const values = ['tx', 'at', 'i', 'size(parts)', 'changes', 'rows', 'whose', 'size(payload)', 'payload'];
  return `WITH * WHERE size(src) > 0 AND waiting < ${mostWaiting + MOST_NOTES}
WITH *, CASE WHEN own THEN left(who.id, 100) ELSE g END AS tx, now.epochSeconds * 1000000000 + now.nanosecond AS at
FOREACH (_ IN CASE WHEN waiting >= ${mostWaiting} AND NOT again THEN [1] ELSE [] END | CREATE (:${OUTBOX_LABEL}:${GAP_LABEL} {${TX}: tx, ${AT}: at}))
WITH * WHERE waiting < ${mostWaiting} OR again
WITH *, [c IN columns | [v IN c[3] | ${kindOf('v')}]] AS kinds, reduce(t = 0, x IN src | t + x[2]) AS rows,
  reduce(t = ${nodes}, x IN src | CASE WHEN x[0] IN ['L+', 'L-', 'NP', 'NR'] AND x[2] > t THEN x[2] ELSE t END)
    + reduce(t = ${relationships}, x IN src | CASE WHEN x[0] IN ['RP', 'RR'] AND x[2] > t THEN x[2] ELSE t END) AS changes,
  ${WHOSE} AS whose
WITH *, [x IN src | CASE WHEN x[3] < 0 THEN 0 ELSE reduce(w = 0, j IN range(0, size(kinds[x[3]]) - 1) | w + ${weightOf('kinds[x[3]][j]', 'columns[x[3]][3][j]')}) END] AS weights
WITH *, CASE WHEN again THEN [] WHEN ${fits} THEN [[x IN src | [x[0], x[1], 0, x[2], x[3], x[3] > 0 AND names[x[3]] = names[x[3] - 1]]]]
  ELSE reduce(a = [], i IN range(0, size(src) - 1) | a + [x IN [src[i]] | CASE WHEN weights[i] <= ${charactersPerPart}
    THEN [i IN range(0, x[2] - 1, ${rowsPerPart}) | [[x[0], x[1], i, i + ${rowsPerPart}, x[3]]]] ELSE ${heavyParts(rowsPerPart, charactersPerPart)} END][0]) END AS parts
FOREACH (i IN range(0, size(parts) - 1) | FOREACH (payload IN [apoc.convert.toJson([s IN parts[i] | ${cell}])] |
  CREATE (:${OUTBOX_LABEL} {${OUTBOX_PROPERTIES.map((name, at) => `${name}: ${values[at]}`).join(', ')}})))`;
}
