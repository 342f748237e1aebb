import { NotFoundError } from '../../../core/errors.ts';
import type { Moment } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { RecordedTransaction } from '../../../ports/history.ts';
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

/** The newest transaction at or before a time. */
export async function momentAt(on: SqlExecutor, graphId: number, time: Date): Promise<Moment | null> {
  const { rows } = await on.query<Moment>(
    `SELECT seq, time FROM graph_transactions WHERE graph_id = $1 AND time <= $2
     ORDER BY graph_id DESC, time DESC, seq DESC LIMIT 1`,
    [graphId, time],
  );
  return rows[0] ?? null;
}

/** The newest cut at or before a seq. */
export async function cutAt(on: SqlExecutor, graphId: number, seq: bigint): Promise<RecordedTransaction | null> {
  const { rows } = await on.query<TransactionRow>(
    `SELECT ${TRANSACTION_COLUMNS} FROM graph_transactions t WHERE t.graph_id = $1 AND t.seq <= $2 AND t.cut
     ORDER BY t.seq DESC LIMIT 1`,
    [graphId, seq],
  );
  return rows[0] === undefined ? null : transactionOf(rows[0]);
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
