import { NO_CHANGES } from '../../../core/diff.ts';
import type { ChangeSummary, Page, PageRequest } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { RecordedTransaction, TransactionFilter } from '../../../ports/history.ts';
import { keyset, Parameters, pageOf } from './keyset.ts';
import { Lists, pagesOf } from './lists.ts';
import {
  filterConditions,
  SUMMARY_SUMS,
  type SummaryColumns,
  summaryOf,
  TRANSACTION_COLUMNS,
  type TransactionRow,
  transactionOf,
} from './transaction-rows.ts';

/** In order of seq. */
export async function transactions(
  on: SqlExecutor,
  graphId: number,
  filter: TransactionFilter,
  page: PageRequest<bigint>,
): Promise<Page<RecordedTransaction>> {
  const parameters = new Parameters();
  const conditions = [`t.graph_id = ${parameters.add(graphId)}`, ...filterConditions(filter, parameters)];
  const { orderBy, limit, conditions: position } = keyset(['t.seq'], page, (at) => [`${parameters.add(at)}::int8`]);
  const { rows } = await on.query<TransactionRow>(
    `SELECT ${TRANSACTION_COLUMNS} FROM graph_transactions t
     WHERE ${[...conditions, ...position].join(' AND ')} ORDER BY ${orderBy} LIMIT ${limit}`,
    parameters.values,
  );
  return pageOf(rows, page, transactionOf);
}

/** Those of each session up to `until`, in order of seq. */
export async function transactionsOfSessions(
  on: SqlExecutor,
  graphId: number,
  sessionIds: readonly string[],
  until: bigint,
  page: PageRequest<bigint>,
): Promise<Map<string, Page<RecordedTransaction>>> {
  const parameters = new Parameters();
  const graph = parameters.add(graphId);
  const lists = new Lists(parameters);
  const session = lists.add('session_id', 'text', sessionIds);
  const order = keyset(['t.seq'], page, (at) => [`${parameters.add(at)}::int8`]);
  const conditions = [
    `t.graph_id = ${graph} AND t.session_id = ${session} AND t.seq <= ${parameters.add(until)}::int8`,
    ...order.conditions,
  ];
  const { rows } = await on.query<TransactionRow & { n: bigint }>(
    `SELECT p.n, w.* FROM ${lists.table} CROSS JOIN LATERAL (
       SELECT ${TRANSACTION_COLUMNS} FROM graph_transactions t
       WHERE ${conditions.join(' AND ')} ORDER BY ${order.orderBy} LIMIT ${order.limit}
     ) w ORDER BY p.n, ${order.orderBy.replace('t.', 'w.')}`,
    parameters.values,
  );
  const pages = pagesOf(sessionIds.length, rows, page, transactionOf);
  const nothing = { items: [], hasMore: false };
  return new Map(sessionIds.map((id, index) => [id, pages[index] ?? nothing]));
}

export interface Contributor {
  readonly actor: string | null;
  readonly sessionId: string | null;
}

export interface Contribution extends Contributor {
  readonly transactions: bigint;
  readonly summary: ChangeSummary;
}

interface ContributionRow extends SummaryColumns {
  readonly actor: string | null;
  readonly session_id: string | null;
  readonly transactions: bigint;
}

/** The order of contributors, null last, as a row that can be compared. */
const CONTRIBUTOR = [
  '(t.actor IS NULL)',
  `(coalesce(t.actor, '') COLLATE "C")`,
  '(t.session_id IS NULL)',
  `(coalesce(t.session_id, '') COLLATE "C")`,
];

/** Who did how much in (since, until], by actor and session. */
export async function contributions(
  on: SqlExecutor,
  graphId: number,
  since: bigint,
  until: bigint,
  page: PageRequest<Contributor>,
): Promise<Page<Contribution>> {
  const parameters = new Parameters();
  const conditions = [
    `t.graph_id = ${parameters.add(graphId)} AND t.source <> 'BASELINE'`,
    ...filterConditions({ since, until }, parameters),
  ];
  const {
    orderBy,
    limit,
    conditions: position,
  } = keyset(CONTRIBUTOR, page, ({ actor, sessionId }) => [
    `${parameters.add(actor === null)}::bool`,
    `${parameters.add(actor ?? '')}::text`,
    `${parameters.add(sessionId === null)}::bool`,
    `${parameters.add(sessionId ?? '')}::text`,
  ]);
  const { rows } = await on.query<ContributionRow>(
    `SELECT t.actor, t.session_id, count(*) AS transactions, ${SUMMARY_SUMS} FROM graph_transactions t
     WHERE ${[...conditions, ...position].join(' AND ')} GROUP BY t.actor, t.session_id ORDER BY ${orderBy} LIMIT ${limit}`,
    parameters.values,
  );
  return pageOf(rows, page, (row) => ({
    actor: row.actor,
    sessionId: row.session_id,
    transactions: row.transactions,
    summary: summaryOf(row),
  }));
}

/** What each session's transactions did, in sum. */
export async function sessionSummaries(
  on: SqlExecutor,
  sessionIds: readonly string[],
): Promise<Map<string, ChangeSummary>> {
  const { rows } = await on.query<SummaryColumns & { id: string }>(
    `SELECT s.id, sums.* FROM sessions s CROSS JOIN LATERAL (
       SELECT ${SUMMARY_SUMS} FROM graph_transactions t WHERE t.graph_id = s.graph_id AND t.session_id = s.id
     ) sums WHERE s.id = ANY($1::text[])`,
    [sessionIds],
  );
  const sums = new Map(rows.map((row) => [row.id, summaryOf(row)]));
  return new Map(sessionIds.map((id) => [id, sums.get(id) ?? NO_CHANGES]));
}
