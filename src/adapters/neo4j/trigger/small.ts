import { LOCK_PROPERTY, OUTBOX_LABEL, quotedKeyProperty } from '../names.ts';
import { nameByOwnKey } from './keys.ts';
import { literal, OUTBOX_PROPERTIES } from './names.ts';
import type { TriggerOptions } from './statement.ts';
import { widened } from './values.ts';

/** Properties at most that a small transaction sets. */
const MOST_SET = 8;
/** Characters at most of a text among them. */
const LONGEST_TEXT = 100_000;

const SET = '$assignedNodeProperties';
const OTHER_MAPS = [
  'assignedLabels',
  'removedLabels',
  'removedNodeProperties',
  'assignedRelationshipProperties',
  'removedRelationshipProperties',
];

/**
 * Writes down by itself, without a statement of its own, what is done most often: a transaction of a user that sets a few properties of a
 * node, each to a plain value, and nothing else. Leaves `small`, which is empty when the transaction is none of these, or something about it
 * asks for more: a node without key, a value of another type, a property that is not recorded, an outbox that is full.
 */
export function writeSmall(options: TriggerOptions, changed: string): string {
  const { rowsPerPart, mostWaiting } = options;
  const values = ['g', 'now.epochSeconds * 1000000000 + now.nanosecond', '0', '1', '1', 'size(cells)', 'whose'];
  const properties = [...values, 'size(payload)', 'payload'].map((value, at) => `${OUTBOX_PROPERTIES[at]}: ${value}`);
  return `WITH who, CASE WHEN ${isSmall(options, Math.min(MOST_SET, rowsPerPart), changed)} THEN ${cellsOf(options)} ELSE [null] END AS cells
WITH who, CASE WHEN any(cell IN cells WHERE cell IS NULL OR cell[2][0] IS NULL OR cell[3] IS NULL OR cell[4] IS NULL) THEN []
  ELSE [_ IN [1] WHERE COUNT { MATCH (:${OUTBOX_LABEL}) } < ${mostWaiting} | cells] END AS small
FOREACH (cells IN small | FOREACH (now IN [datetime.realtime()] | FOREACH (g IN [randomUUID()] | FOREACH (whose IN [${WHOSE}] | FOREACH (payload IN [apoc.convert.toJson(cells)] |
  CREATE (:${OUTBOX_LABEL} {${properties.join(', ')}}))))))
WITH who, small WHERE size(small) = 0`;
}

/** Whom the metadata names, as it is written down with every entry. */
export const WHOSE = `CASE WHEN size(keys(who)) = 0 THEN '[null,null,null,null,"' + g + '"]' ELSE apoc.convert.toJson([toStringOrNull(who.source), left(toStringOrNull(who.actor), 1000), left(toStringOrNull(who.session), 1000), left(toStringOrNull(who.operation), 100), g]) END`;

function isSmall({ keyProperty, derivedProperties }: TriggerOptions, most: number, changed: string): string {
  const apart = literal([keyProperty, LOCK_PROPERTY, ...OUTBOX_PROPERTIES, ...derivedProperties]);
  return [
    `${changed} = 0`,
    // Our own transactions are told by an id, and bring keys along.
    'who.id IS NULL',
    `size(keys(${SET})) > 0 AND size(keys(${SET})) <= ${most}`,
    ...OTHER_MAPS.map((map) => `size(keys($${map})) = 0`),
    `all(k IN keys(${SET}) WHERE size(${SET}[k]) = 1 AND NOT k IN ${apart})`,
  ].join(' AND ');
}

/** A cell as in trigger/columns.ts for each property, with null in the place of what is not plain. */
function cellsOf({ keyProperty, givesKeys, charactersPerPart }: TriggerOptions): string {
  const key = quotedKeyProperty(keyProperty);
  const longest = Math.min(LONGEST_TEXT, Math.floor(charactersPerPart / (2 * MOST_SET)));
  const plain = (value: string) =>
    `CASE WHEN ${value} IS NULL THEN ['0'] WHEN ${value} IS :: STRING THEN CASE WHEN size(${value}) <= ${longest} THEN ['S', [${value}]] END
    WHEN ${value} IS :: INTEGER THEN ['I', [${value}]] WHEN ${value} IS :: FLOAT THEN ['F', [${widened(value)}]] WHEN ${value} IS :: BOOLEAN THEN ['B', [${value}]] END`;
  const name = givesKeys
    ? `CASE WHEN x.node.${key} IS :: STRING THEN x.node.${key} END`
    : nameByOwnKey('x.node', key, true);
  return `[k IN keys(${SET}) | [x IN ${SET}[k] | ['NP', k, [${name}], ${plain('x.old')}, ${plain('x.new')}]][0]]`;
}
