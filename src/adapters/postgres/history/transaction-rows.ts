import type { ChangeSummary, TransactionSource } from '../../../core/moments.ts';
import type { RecordedTransaction, TransactionFilter } from '../../../ports/history.ts';
import type { Parameters } from './keyset.ts';

export interface SummaryColumns {
  readonly nodes_created: number | bigint;
  readonly nodes_updated: number | bigint;
  readonly nodes_deleted: number | bigint;
  readonly relationships_created: number | bigint;
  readonly relationships_updated: number | bigint;
  readonly relationships_deleted: number | bigint;
}

export interface TransactionRow extends SummaryColumns {
  readonly graph_id: number;
  readonly seq: bigint;
  readonly feed_id: string;
  readonly time: Date;
  readonly actor: string | null;
  readonly session_id: string | null;
  readonly source: TransactionSource;
  readonly operation_id: string | null;
  readonly epoch: number;
  readonly cut: boolean;
  readonly change_count: bigint;
  readonly node_count: bigint;
  readonly relationship_count: bigint;
  readonly checksum: Uint8Array;
}

/** The select list of `TransactionRow`, of the table as `t`. */
export const TRANSACTION_COLUMNS = `t.graph_id, t.seq, t.feed_id, t.time, t.actor, t.session_id, t.source, t.operation_id, t.epoch,
  t.cut, t.change_count, t.nodes_created, t.nodes_updated, t.nodes_deleted, t.relationships_created, t.relationships_updated,
  t.relationships_deleted, t.node_count, t.relationship_count, t.checksum`;

/** The select list of `SummaryColumns`, summed over transactions as `t`; zeros when there are none. */
export const SUMMARY_SUMS = ['nodes', 'relationships']
  .flatMap((kind) => ['created', 'updated', 'deleted'].map((action) => `${kind}_${action}`))
  .map((column) => `coalesce(sum(t.${column}), 0)::int8 AS ${column}`)
  .join(', ');

export function summaryOf(row: SummaryColumns): ChangeSummary {
  return {
    nodesCreated: BigInt(row.nodes_created),
    nodesUpdated: BigInt(row.nodes_updated),
    nodesDeleted: BigInt(row.nodes_deleted),
    relationshipsCreated: BigInt(row.relationships_created),
    relationshipsUpdated: BigInt(row.relationships_updated),
    relationshipsDeleted: BigInt(row.relationships_deleted),
  };
}

export function transactionOf(row: TransactionRow): RecordedTransaction {
  return {
    graphId: row.graph_id,
    seq: row.seq,
    time: row.time,
    actor: row.actor,
    sessionId: row.session_id,
    source: row.source,
    operationId: row.operation_id,
    epoch: row.epoch,
    cut: row.cut,
    changeCount: row.change_count,
    summary: summaryOf(row),
    nodeCount: row.node_count,
    relationshipCount: row.relationship_count,
    checksum: row.checksum,
  };
}

/** The filter as conditions on transactions `t`. */
export function filterConditions(filter: TransactionFilter, parameters: Parameters): string[] {
  const conditions: string[] = [];
  const add = (condition: string, value: unknown): void => {
    if (value !== undefined) conditions.push(`t.${condition.replace('?', parameters.add(value))}`);
  };
  add('session_id = ?', filter.sessionId);
  add('actor = ?', filter.actor);
  add('source = ANY(?::text[])', filter.sources);
  add('operation_id = ?::uuid', filter.operationId);
  add('seq > ?::int8', filter.since);
  add('seq <= ?::int8', filter.until);
  return conditions;
}
