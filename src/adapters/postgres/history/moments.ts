import { NotFoundError } from '../../../core/errors.ts';
import type { Moment } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { CutBound, RecordedTransaction } from '../../../ports/history.ts';
import { TRANSACTION_COLUMNS, type TransactionRow, transactionOf } from './transaction-rows.ts';

/** Where capture began, or the end of the baseline. @throws NotFoundError for an unknown graph */
export async function earliest(on: SqlExecutor, graphId: number): Promise<Moment> {
  const { rows } = await on.query<Moment>(
    `SELECT t.seq, t.time FROM graphs g JOIN graph_transactions t ON t.graph_id = g.id AND t.seq = g.earliest_seq
     WHERE g.id = $1`,
    [graphId],
  );
  if (rows[0] === undefined) throw new NotFoundError(`graph ${graphId}`);
  return rows[0];
}

/** The newest cut at or before each seq or time. A time is a seq first: that of the newest transaction by then, which its index gives. */
export async function cutsAt(
  on: SqlExecutor,
  graphId: number,
  bounds: readonly CutBound[],
): Promise<(RecordedTransaction | null)[]> {
  const seqs = bounds.map((bound) => ('seq' in bound ? bound.seq : null));
  const times = bounds.map((bound) => ('time' in bound ? bound.time : null));
  const { rows } = await on.query<TransactionRow & { n: bigint }>(
    `SELECT p.n, cut.* FROM unnest($2::int8[], $3::timestamptz[]) WITH ORDINALITY AS p (seq, time, n) CROSS JOIN LATERAL (
       SELECT ${TRANSACTION_COLUMNS} FROM graph_transactions t
       WHERE t.graph_id = $1 AND t.cut AND t.seq <= coalesce(p.seq, (
         SELECT m.seq FROM graph_transactions m WHERE m.graph_id = $1 AND m.time <= p.time
         ORDER BY m.graph_id DESC, m.time DESC, m.seq DESC LIMIT 1
       ))
       ORDER BY t.seq DESC LIMIT 1
     ) cut`,
    [graphId, seqs, times],
  );
  const found = new Map(rows.map((row) => [Number(row.n), transactionOf(row)]));
  return bounds.map((_, index) => found.get(index + 1) ?? null);
}

export async function transactionsByFeedId(
  on: SqlExecutor,
  graphId: number,
  ids: readonly string[],
): Promise<Map<string, RecordedTransaction>> {
  const { rows } = await on.query<TransactionRow>(
    `SELECT ${TRANSACTION_COLUMNS} FROM graph_transactions t WHERE t.graph_id = $1 AND t.feed_id = ANY($2::text[])`,
    [graphId, ids],
  );
  return new Map(rows.map((row) => [row.feed_id, transactionOf(row)]));
}

export async function transactionsBySeq(
  on: SqlExecutor,
  graphId: number,
  seqs: readonly bigint[],
): Promise<Map<bigint, RecordedTransaction>> {
  const { rows } = await on.query<TransactionRow>(
    `SELECT ${TRANSACTION_COLUMNS} FROM graph_transactions t WHERE t.graph_id = $1 AND t.seq = ANY($2::int8[])`,
    [graphId, seqs],
  );
  return new Map(rows.map((row) => [row.seq, transactionOf(row)]));
}
