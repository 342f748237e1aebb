import type { EntityKind } from '../../../core/entities.ts';
import type { Page } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { CountedChanges, DiffEntry, DiffSpan, ListPage } from '../../../ports/history.ts';
import { int8Array } from '../binary-arrays.ts';
import { packedQuery } from '../packed.ts';
import { CHANGE_COLUMNS, changeOf, joinBefore } from './changes.ts';
import { Parameters } from './keyset.ts';
import { ABOVE_KINDS, addRefs, Lists, listKeyset, pagesOf } from './lists.ts';
import { CHANGE, type ChangeRow, kindNumber, kindOf, lastsAt } from './rows.ts';
import { type SummaryColumns, summaryOf } from './transaction-rows.ts';

interface DiffFilter {
  readonly kind?: EntityKind | undefined;
}

/**
 * Net changes from one seq to another, of several such spans. Reads the versions that began in between and are the last of their entity, each
 * joined with the one that was valid at the start: what changed decides the cost, and a page costs what it holds.
 */
export async function diffs(
  on: SqlExecutor,
  graphId: number,
  spans: readonly DiffSpan[],
  filter: DiffFilter,
  page: ListPage,
): Promise<Page<DiffEntry>[]> {
  const parameters = new Parameters();
  const { table, versions, order } = changedVersions(parameters, graphId, spans, filter, page);
  const rows = await packedQuery<ChangeRow & { n: number }>(
    on,
    { ...CHANGE, n: 'json' },
    `SELECT p.n, w.* FROM ${table} CROSS JOIN LATERAL (SELECT ${CHANGE_COLUMNS} ${versions}) w
     ORDER BY p.n, ${order.replaceAll('v.valid_from_seq', 'w.seq').replaceAll('v.', 'w.')}`,
    parameters.values,
  );
  return pagesOf(spans.length, rows, page, (row) => {
    const { seq, ...change } = changeOf(row);
    return { ...change, position: { seq, kind: change.kind, key: change.key } };
  });
}

interface CountRow extends SummaryColumns {
  readonly n: bigint;
  readonly counted: bigint;
  readonly last_seq: bigint | null;
  readonly last_kind: number | null;
  readonly last_key: string | null;
}

/** How many entities of each kind the first `limit` changes of each span create, update and delete. No state leaves the database for it. */
export async function countDiffs(
  on: SqlExecutor,
  graphId: number,
  spans: readonly DiffSpan[],
  limit: number,
): Promise<CountedChanges[]> {
  const parameters = new Parameters();
  // A page reads one row more than it holds.
  const { table, versions } = changedVersions(parameters, graphId, spans, {}, { limit: limit - 1 });
  const last = (column: string): string =>
    `(array_agg(c.${column} ORDER BY c.seq DESC, c.kind DESC, c.key DESC))[1] AS last_${column}`;
  const { rows } = await on.query<CountRow>(
    `SELECT p.n, w.* FROM ${table} CROSS JOIN LATERAL (
       SELECT count(*) AS counted, ${last('seq')}, ${last('kind')}, ${last('key')}, ${COUNTS} FROM (
         SELECT v.valid_from_seq AS seq, v.kind, v.key, coalesce(b.present, false) AS was, v.present AS is ${versions}
       ) c
     ) w ORDER BY p.n`,
    parameters.values,
  );
  return rows.map((row) => {
    const { last_seq: seq, last_kind: kind, last_key: key } = row;
    const ended = row.counted < BigInt(limit) || seq === null || kind === null || key === null;
    return { summary: summaryOf(row), last: ended ? null : { seq, kind: kindOf(kind), key } };
  });
}

const ACTIONS = { created: 'NOT c.was', updated: 'c.was AND c.is', deleted: 'NOT c.is' } as const;

/** The select list of `SummaryColumns`, counted over changes as `c`. */
const COUNTS = (['NODE', 'RELATIONSHIP'] as const)
  .flatMap((kind) =>
    Object.entries(ACTIONS).map(
      ([action, condition]) =>
        `count(*) FILTER (WHERE c.kind = ${kindNumber(kind)} AND ${condition}) AS ${kind.toLowerCase()}s_${action}`,
    ),
  )
  .join(', ');

/** The changed versions `v` of each span with those before as `b`: the table of spans, and what follows the select list in its subquery. */
function changedVersions(
  parameters: Parameters,
  graphId: number,
  asked: readonly DiffSpan[],
  { kind }: DiffFilter,
  page: ListPage,
): { readonly table: string; readonly versions: string; readonly order: string } {
  const graph = parameters.add(graphId);
  const lists = new Lists(parameters);
  const spans = asked.map(within);
  const from = lists.add('from_seq', 'int8', int8Array(spans.map((span) => span.from)));
  const to = lists.add('to_seq', 'int8', int8Array(spans.map((span) => span.to)));
  const order = listKeyset(['v.valid_from_seq', 'v.kind', 'v.key'], spans, page, (side) => {
    const end = side === 'after' ? 'from' : 'to';
    const seqs = int8Array(spans.map((span) => span[side]?.seq ?? span[end]));
    const at = spans.map((span) => span[side]);
    return [lists.add(`${side}_seq`, 'int8', seqs), ...addRefs(lists, side, at, ABOVE_KINDS)];
  });
  const conditions = [
    `v.graph_id = ${graph}`,
    // A position says where to begin more exactly. With both, the index may be read from the start of the span.
    ...(spans.some(({ after }) => after !== undefined) ? [] : [`v.valid_from_seq > ${from}`]),
    ...(spans.some(({ before }) => before !== undefined) ? [] : [`v.valid_from_seq <= ${to}`]),
    lastsAt('v', to),
    'v.hash IS DISTINCT FROM b.hash',
    ...(kind === undefined ? [] : [`v.kind = ${parameters.add(kindNumber(kind))}`]),
    ...order.conditions,
  ];
  return {
    table: lists.table,
    versions: `FROM entity_versions v ${joinBefore(`<= ${from}`)}
      WHERE ${conditions.join(' AND ')} ORDER BY ${order.orderBy} LIMIT ${order.limit}`,
    order: order.orderBy,
  };
}

/** A position outside of the span, such as one of a page that had a later end, says no more than the span itself. */
function within({ after, before, ...span }: DiffSpan): DiffSpan {
  return {
    ...span,
    after: after !== undefined && after.seq > span.from ? after : undefined,
    before: before !== undefined && before.seq <= span.to ? before : undefined,
  };
}
