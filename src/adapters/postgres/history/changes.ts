import type { EntityKind, EntityRef } from '../../../core/entities.ts';
import type { Page, PageRequest } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { DiffEntry, DiffPosition, RecordedChange, TransactionFilter } from '../../../ports/history.ts';
import { packedQuery } from '../packed.ts';
import { keyset, Parameters, pageOf } from './keyset.ts';
import {
  beforeOf,
  CHANGE,
  type ChangeRow,
  kindNumber,
  lastsAt,
  refOf,
  stateColumns,
  stateOf,
  versionColumns,
} from './rows.ts';
import { filterConditions } from './transaction-rows.ts';
import { type Walk, walk } from './walk.ts';

const CHANGE_COLUMNS = `${versionColumns('v')}, ${stateColumns('b', 'before_')}`;

/** The version before `v`, as `b`: the newest with `bound`. */
function joinBefore(bound: string): string {
  return `LEFT JOIN LATERAL (
    SELECT * FROM entity_versions e
    WHERE e.graph_id = v.graph_id AND e.kind = v.kind AND e.key = v.key AND e.valid_from_seq ${bound}
    ORDER BY e.valid_from_seq DESC LIMIT 1
  ) b ON true`;
}

/** What one transaction did, by kind and key. */
export async function changesOf(
  on: SqlExecutor,
  graphId: number,
  seq: bigint,
  page: PageRequest<EntityRef>,
): Promise<Page<RecordedChange>> {
  const parameters = new Parameters();
  const conditions = [`v.graph_id = ${parameters.add(graphId)} AND v.valid_from_seq = ${parameters.add(seq)}`];
  const order = keyset(['v.kind', 'v.key'], page, (ref) => refParameters(ref, parameters));
  const { rows } = await on.query<ChangeRow>(
    `SELECT ${CHANGE_COLUMNS} FROM entity_versions v ${joinBefore('< v.valid_from_seq')}
     WHERE ${[...conditions, ...order.conditions].join(' AND ')} ORDER BY ${order.orderBy} LIMIT ${order.limit}`,
    parameters.values,
  );
  return pageOf(rows, page, changeOf);
}

export interface ChangesFilter extends TransactionFilter {
  readonly kind?: EntityKind | undefined;
}

/** What the transactions that pass the filter did, in order of seq, kind, key. */
export async function changes(
  on: SqlExecutor,
  graphId: number,
  filter: ChangesFilter,
  page: PageRequest<DiffPosition>,
): Promise<Page<RecordedChange>> {
  const { kind } = filter;
  const where: Walk = {
    transactions: (parameters) => filterConditions(filter, parameters),
    counted: kind === undefined ? 't.change_count' : COUNTED[kind],
    columns: CHANGE_COLUMNS,
    joins: joinBefore('< v.valid_from_seq'),
    versions: (parameters) => (kind === undefined ? [] : [`v.kind = ${parameters.add(kindNumber(kind))}`]),
  };
  return pageOf(await walk<ChangeRow>(on, graphId, where, page), page, changeOf);
}

const COUNTED = {
  NODE: '(t.nodes_created + t.nodes_updated + t.nodes_deleted)',
  RELATIONSHIP: '(t.relationships_created + t.relationships_updated + t.relationships_deleted)',
} as const;

/**
 * Net changes from one seq to another. Reads the versions that began in between and are the last of their entity, each joined with
 * the one that was valid at `from`: what changed decides the cost, and a page costs what it holds.
 */
export async function diff(
  on: SqlExecutor,
  graphId: number,
  from: bigint,
  to: bigint,
  filter: { readonly kind?: EntityKind | undefined },
  page: PageRequest<DiffPosition>,
): Promise<Page<DiffEntry>> {
  const parameters = new Parameters();
  const graph = parameters.add(graphId);
  const start = `${parameters.add(from)}::int8`;
  const end = `${parameters.add(to)}::int8`;
  const conditions = [
    `v.graph_id = ${graph} AND v.valid_from_seq > ${start} AND v.valid_from_seq <= ${end}`,
    lastsAt('v', end),
    'v.hash IS DISTINCT FROM b.hash',
  ];
  if (filter.kind !== undefined) conditions.push(`v.kind = ${parameters.add(kindNumber(filter.kind))}`);
  const order = keyset(['v.valid_from_seq', 'v.kind', 'v.key'], page, (at) => [
    `${parameters.add(at.seq)}::int8`,
    ...refParameters(at, parameters),
  ]);
  const rows = await packedQuery<ChangeRow>(
    on,
    CHANGE,
    `SELECT ${CHANGE_COLUMNS} FROM entity_versions v ${joinBefore(`<= ${start}`)}
     WHERE ${[...conditions, ...order.conditions].join(' AND ')} ORDER BY ${order.orderBy} LIMIT ${order.limit}`,
    parameters.values,
  );
  return pageOf(rows, page, (row) => {
    const { seq, ...change } = changeOf(row);
    return { ...change, position: { seq, kind: change.kind, key: change.key } };
  });
}

function refParameters(ref: EntityRef, parameters: Parameters): string[] {
  return [`${parameters.add(kindNumber(ref.kind))}::int2`, `${parameters.add(ref.key)}::text`];
}

function changeOf(row: ChangeRow): RecordedChange {
  const ref = refOf(row);
  return { ...ref, seq: row.seq, before: beforeOf(ref, row), after: stateOf(ref, row) };
}
