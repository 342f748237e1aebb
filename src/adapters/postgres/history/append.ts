import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type { HistoryEntry, RecordedTransaction, RecorderLease } from '../../../ports/history.ts';
import { known } from './current.ts';
import { discard } from './discard.ts';
import { type Head, lockHead, partialJson } from './head.ts';
import { type CompletedTransaction, Ledger } from './ledger.ts';
import { VersionRows } from './version-rows.ts';

const TRANSACTIONS = `
  INSERT INTO graph_transactions (graph_id, epoch, seq, feed_id, time, actor, session_id, source, operation_id, cut, change_count,
    nodes_created, nodes_updated, nodes_deleted, relationships_created, relationships_updated, relationships_deleted,
    node_count, relationship_count, checksum)
  SELECT $1, $2, t.* FROM unnest($3::int8[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::uuid[], $10::bool[],
    $11::int8[], $12::int4[], $13::int4[], $14::int4[], $15::int4[], $16::int4[], $17::int4[], $18::int8[], $19::int8[],
    $20::bytea[]) AS t`;

const NAMES = `
  INSERT INTO graph_names (graph_id, kind, name, count)
  SELECT $1, n.kind, n.name, n.count FROM unnest($2::text[], $3::text[], $4::int8[]) AS n (kind, name, count)
  ON CONFLICT (graph_id, kind, name) DO UPDATE SET count = graph_names.count + excluded.count`;

const HEAD = `
  UPDATE graphs SET head_seq = $2, head_time = $3, node_count = $4, relationship_count = $5, checksum = $6, partial = $7::jsonb,
    reconciled = reconciled + $8, earliest_seq = coalesce($9, earliest_seq)
  WHERE id = $1`;

/** See `History.append`. */
export async function append(
  database: Database,
  lease: RecorderLease,
  entries: readonly HistoryEntry[],
): Promise<readonly RecordedTransaction[]> {
  if (entries.length === 0) return [];
  return database.transaction(async (tx) => {
    const recorded = await lockAndCheck(tx, lease, entries);
    if (recorded.entries.length === 0) return [];
    const ledger = new Ledger(recorded.head);
    const versions = new VersionRows();
    for (const entry of recorded.entries) {
      ledger.add(entry);
      versions.add(entry);
    }
    await versions.store(tx, lease.graphId);
    await storeTransactions(tx, recorded.head, ledger.completed);
    await storeNames(tx, lease.graphId, ledger.names);
    await moveHead(tx, recorded.head, ledger);
    return ledger.completed.map((transaction) => transaction.recorded);
  });
}

/** The locked head, and what of the entries is not recorded yet. */
async function lockAndCheck(
  tx: SqlExecutor,
  lease: RecorderLease,
  entries: readonly HistoryEntry[],
): Promise<{ head: Head; entries: readonly HistoryEntry[] }> {
  const head = await lockHead(tx, lease);
  const ids = new Set(entries.map((entry) => entry.feedId));
  const done = await known(tx, lease.graphId, [...ids]);
  const fresh = entries.filter((entry) => !done.has(entry.feedId));
  if (head.partial === null || fresh[0]?.first !== true) return { head, entries: fresh };
  await discard(tx, head);
  return { head: { ...head, partial: null }, entries: fresh };
}

async function storeTransactions(
  tx: SqlExecutor,
  head: Head,
  completed: readonly CompletedTransaction[],
): Promise<void> {
  if (completed.length === 0) return;
  const column = (value: (transaction: CompletedTransaction) => unknown) => completed.map(value);
  await tx.query(TRANSACTIONS, [
    head.graphId,
    head.epoch,
    column(({ recorded }) => recorded.seq),
    column(({ feedId }) => feedId),
    column(({ recorded }) => recorded.time),
    column(({ recorded }) => recorded.actor),
    column(({ recorded }) => recorded.sessionId),
    column(({ recorded }) => recorded.source),
    column(({ recorded }) => recorded.operationId),
    column(({ recorded }) => recorded.cut),
    column(({ recorded }) => recorded.changeCount),
    column(({ recorded }) => recorded.summary.nodesCreated),
    column(({ recorded }) => recorded.summary.nodesUpdated),
    column(({ recorded }) => recorded.summary.nodesDeleted),
    column(({ recorded }) => recorded.summary.relationshipsCreated),
    column(({ recorded }) => recorded.summary.relationshipsUpdated),
    column(({ recorded }) => recorded.summary.relationshipsDeleted),
    column(({ recorded }) => recorded.nodeCount),
    column(({ recorded }) => recorded.relationshipCount),
    column(({ recorded }) => recorded.checksum),
  ]);
}

async function storeNames(tx: SqlExecutor, graphId: number, names: ReadonlyMap<string, number>): Promise<void> {
  const changed = [...names].filter(([, by]) => by !== 0);
  if (changed.length === 0) return;
  const kinds = changed.map(([name]) => name.charAt(0));
  const texts = changed.map(([name]) => name.slice(1));
  const counts = changed.map(([, by]) => by);
  await tx.query(NAMES, [graphId, kinds, texts, counts]);
  if (counts.every((by) => by > 0)) return;
  await tx.query('DELETE FROM graph_names WHERE graph_id = $1 AND name = ANY($2::text[]) AND count = 0', [
    graphId,
    texts,
  ]);
}

async function moveHead(tx: SqlExecutor, head: Head, ledger: Ledger): Promise<void> {
  const last = ledger.completed.at(-1)?.recorded ?? head;
  const partial = ledger.partial();
  await tx.query(HEAD, [
    head.graphId,
    last.seq,
    last.time,
    last.nodeCount,
    last.relationshipCount,
    last.checksum,
    partial === null ? null : partialJson(partial),
    ledger.reconciled,
    ledger.earliest,
  ]);
}
