import type { EntityKind } from '../../../core/entities.ts';
import type { Page, PageRequest } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type {
  DiffPosition,
  ListPage,
  RecordedChange,
  TransactionFilter,
  TransactionSpan,
} from '../../../ports/history.ts';
import { int8Array } from '../binary-arrays.ts';
import { packedQuery } from '../packed.ts';
import { Parameters, pageOf } from './keyset.ts';
import { ABOVE_KINDS, addRefs, BELOW_KINDS, Lists, listKeyset, pagesOf } from './lists.ts';
import { beforeOf, CHANGE, type ChangeRow, kindNumber, refOf, stateColumns, stateOf, versionColumns } from './rows.ts';
import { filterConditions } from './transaction-rows.ts';
import { type Walk, walk } from './walk.ts';

export const CHANGE_COLUMNS = `${versionColumns('v')}, ${stateColumns('b', 'before_')}`;

/** The version before `v`, as `b`: the newest with `bound`. */
export function joinBefore(bound: string): string {
  return `LEFT JOIN LATERAL (
    SELECT * FROM entity_versions e
    WHERE e.graph_id = v.graph_id AND e.kind = v.kind AND e.key = v.key AND e.valid_from_seq ${bound}
    ORDER BY e.valid_from_seq DESC LIMIT 1
  ) b ON true`;
}

/** What each of the transactions did, by kind and key. */
export async function changesOf(
  on: SqlExecutor,
  graphId: number,
  spans: readonly TransactionSpan[],
  page: ListPage,
): Promise<Page<RecordedChange>[]> {
  const parameters = new Parameters();
  const graph = parameters.add(graphId);
  const lists = new Lists(parameters);
  const seqs = lists.add('seq', 'int8', int8Array(spans.map(({ seq }) => seq)));
  const order = listKeyset(['v.kind', 'v.key'], spans, page, (side) => {
    const beyond = side === 'after' ? BELOW_KINDS : ABOVE_KINDS;
    return addRefs(
      lists,
      side,
      spans.map((span) => span[side]),
      beyond,
    );
  });
  const conditions = [`v.graph_id = ${graph} AND v.valid_from_seq = ${seqs}`, ...order.conditions];
  const rows = await packedQuery<ChangeRow & { n: number }>(
    on,
    { ...CHANGE, n: 'json' },
    `SELECT p.n, w.* FROM ${lists.table} CROSS JOIN LATERAL (
       SELECT ${CHANGE_COLUMNS} FROM entity_versions v ${joinBefore('< v.valid_from_seq')}
       WHERE ${conditions.join(' AND ')} ORDER BY ${order.orderBy} LIMIT ${order.limit}
     ) w ORDER BY p.n, ${order.orderBy.replaceAll('v.', 'w.')}`,
    parameters.values,
  );
  return pagesOf(spans.length, rows, page, changeOf);
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

export function changeOf(row: ChangeRow): RecordedChange {
  const ref = refOf(row);
  return { ...ref, seq: row.seq, before: beforeOf(ref, row), after: stateOf(ref, row) };
}
