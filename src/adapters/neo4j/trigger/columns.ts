import { LOCK_PROPERTY, OUTBOX_LABEL } from '../names.ts';
import { literal, OUTBOX_PROPERTIES } from './names.ts';
import type { TriggerOptions } from './statement.ts';
import { valuesOf, weightOfOne } from './values.ts';

/** Section, name, entities, and of properties the old values, and the new ones where there are any. */
export function columnsOf({ keyProperty, givesKeys, derivedProperties }: TriggerOptions): string {
  const never = [LOCK_PROPERTY, ...OUTBOX_PROPERTIES, ...derivedProperties];
  const assigned = literal([...(givesKeys ? [keyProperty] : []), ...never]);
  const removed = literal(never);
  const properties = (section: string, map: string, entity: string, hidden: string, values: readonly string[]) =>
    `[k IN keys($${map}) WHERE NOT k IN ${hidden} | ['${section}', k, [x IN $${map}[k] | x.${entity}], [${values.map((value) => `[x IN $${map}[k] | x.${value}]`).join(', ')}]]]`;
  const labels = (section: string, map: string) =>
    `[k IN keys($${map}) WHERE k <> '${OUTBOX_LABEL}' | ['${section}', k, $${map}[k], []]]`;
  return [
    labels('L+', 'assignedLabels'),
    labels('L-', 'removedLabels'),
    properties('NP', 'assignedNodeProperties', 'node', assigned, ['old', 'new']),
    properties('NR', 'removedNodeProperties', 'node', removed, ['old']),
    properties('RP', 'assignedRelationshipProperties', 'relationship', assigned, ['old', 'new']),
    properties('RR', 'removedRelationshipProperties', 'relationship', removed, ['old']),
  ].join('\n  + ');
}

const rows = (list: string) => `${list}[s[2]..s[3]]`;

/** Rows `s[2]` to `s[3]` of a column of labels or of a property, as they are written down: `true` for the same entities as in the column before. */
export const COLUMN_CELL = `[s[0], s[1], CASE WHEN s[5] THEN true ELSE ${rows('names[s[4]]')} END] + [j IN range(0, size(kinds[s[4]]) - 1) | ${valuesOf('kinds[s[4]][j]', rows('columns[s[4]][3][j]'))}]`;

/** The same of any column. What the transaction created or deleted is named by its local id. */
export function cellOf({ givesKeys }: TriggerOptions, key: string): string {
  const ids = (list: string) => `[x IN ${rows(list)} | id(x)]`;
  const created = (list: string) =>
    `[s[0], s[1], ${ids(list)}, ${givesKeys ? 'CASE WHEN own THEN ' : ''}[x IN ${rows(list)} | x.${key}]${givesKeys ? ' END' : ''}`;
  const end = (names: string, node: string) =>
    givesKeys ? rows(names) : `[x IN ${rows('createdRelationships')} | ${node}Node(x).${key}]`;
  return `CASE s[0]
  WHEN 'N+' THEN ${created('createdNodes')}]
  WHEN 'N-' THEN [s[0], s[1], ${ids('deletedNodes')}]
  WHEN 'R+' THEN ${created('createdRelationships')}, [x IN ${rows('createdRelationships')} | type(x)], ${end('starts', 'start')}, ${end('ends', 'end')}]
  WHEN 'R-' THEN [s[0], s[1], ${ids('deletedRelationships')}]
  ELSE ${COLUMN_CELL} END`;
}

/** The parts of a column whose values are too many characters for one: as many rows in each as fit, one at least. */
export function heavyParts(rowsPerPart: number, charactersPerPart: number): string {
  const size = `reduce(w = 0, values IN columns[x[3]][3] | w + ${weightOfOne('values[i]')})`;
  return `[acc IN [reduce(acc = {done: [], start: 0, held: 0}, i IN range(0, x[2] - 1) |
    CASE WHEN i > acc.start AND (acc.held + ${size} > ${charactersPerPart} OR i - acc.start >= ${rowsPerPart})
      THEN {done: acc.done + [[[x[0], x[1], acc.start, i, x[3]]]], start: i, held: ${size}}
      ELSE {done: acc.done, start: acc.start, held: acc.held + ${size}} END)] | acc.done + [[[x[0], x[1], acc.start, x[2], x[3]]]]][0]`;
}
