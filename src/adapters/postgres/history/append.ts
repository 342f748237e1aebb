import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type { HistoryEntry, RecordedTransaction, RecorderLease } from '../../../ports/history.ts';
import { SqlParameters } from '../sql-parameters.ts';
import { known } from './current.ts';
import { discard } from './discard.ts';
import { type Head, lockHead, partialJson } from './head.ts';
import { type CompletedTransaction, Ledger } from './ledger.ts';
import { VersionRows } from './version-rows.ts';

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
    await store(tx, recorded.head, versions, ledger);
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

/** In one statement: with thousands of rows under way, each way to the database and back waits for what else this process is doing. */
async function store(tx: SqlExecutor, head: Head, versions: VersionRows, ledger: Ledger): Promise<void> {
  const params = new SqlParameters();
  const graphId = params.add(head.graphId, 'int4');
  const changed = [...ledger.names].filter(([, by]) => by !== 0);
  await tx.query(
    `WITH versions AS (${versions.insert(params, graphId)}),
       labels AS (${versions.insertLabels(params, graphId)}),
       transactions AS (${insertTransactions(params, graphId, head, ledger.completed)}),
       names AS (${countNames(params, graphId, changed)})
     ${moveHead(params, graphId, head, ledger)}`,
    params.values,
  );
  if (changed.some(([, by]) => by < 0)) {
    await tx.query('DELETE FROM graph_names WHERE graph_id = $1 AND name = ANY($2::text[]) AND count = 0', [
      head.graphId,
      changed.map(([name]) => name.slice(1)),
    ]);
  }
}

/** Columns of `graph_transactions` with their types, and what they hold. */
const COLUMNS: readonly (readonly [name: string, type: string, value: (completed: CompletedTransaction) => unknown])[] =
  [
    ['seq', 'int8', ({ recorded }) => recorded.seq],
    ['feed_id', 'text', ({ feedId }) => feedId],
    ['time', 'timestamptz', ({ recorded }) => recorded.time],
    ['actor', 'text', ({ recorded }) => recorded.actor],
    ['session_id', 'text', ({ recorded }) => recorded.sessionId],
    ['source', 'text', ({ recorded }) => recorded.source],
    ['operation_id', 'uuid', ({ recorded }) => recorded.operationId],
    ['cut', 'bool', ({ recorded }) => recorded.cut],
    ['change_count', 'int8', ({ recorded }) => recorded.changeCount],
    ['nodes_created', 'int4', ({ recorded }) => recorded.summary.nodesCreated],
    ['nodes_updated', 'int4', ({ recorded }) => recorded.summary.nodesUpdated],
    ['nodes_deleted', 'int4', ({ recorded }) => recorded.summary.nodesDeleted],
    ['relationships_created', 'int4', ({ recorded }) => recorded.summary.relationshipsCreated],
    ['relationships_updated', 'int4', ({ recorded }) => recorded.summary.relationshipsUpdated],
    ['relationships_deleted', 'int4', ({ recorded }) => recorded.summary.relationshipsDeleted],
    ['node_count', 'int8', ({ recorded }) => recorded.nodeCount],
    ['relationship_count', 'int8', ({ recorded }) => recorded.relationshipCount],
    ['checksum', 'bytea', ({ recorded }) => recorded.checksum],
  ];

function insertTransactions(
  params: SqlParameters,
  graphId: string,
  head: Head,
  completed: readonly CompletedTransaction[],
): string {
  const names = COLUMNS.map(([name]) => name).join(', ');
  const epoch = params.add(head.epoch, 'int4');
  const arrays = COLUMNS.map(([, type, value]) => params.add(completed.map(value), `${type}[]`)).join(', ');
  return `INSERT INTO graph_transactions (graph_id, epoch, ${names}) SELECT ${graphId}, ${epoch}, t.* FROM unnest(${arrays}) AS t`;
}

function countNames(params: SqlParameters, graphId: string, changed: readonly (readonly [string, number])[]): string {
  const kinds = params.add(
    changed.map(([name]) => name.charAt(0)),
    'text[]',
  );
  const names = params.add(
    changed.map(([name]) => name.slice(1)),
    'text[]',
  );
  const counts = params.add(
    changed.map(([, by]) => by),
    'int8[]',
  );
  return `INSERT INTO graph_names (graph_id, kind, name, count)
    SELECT ${graphId}, n.kind, n.name, n.count FROM unnest(${kinds}, ${names}, ${counts}) AS n (kind, name, count)
    ON CONFLICT (graph_id, kind, name) DO UPDATE SET count = graph_names.count + excluded.count`;
}

function moveHead(params: SqlParameters, graphId: string, head: Head, ledger: Ledger): string {
  const last = ledger.completed.at(-1)?.recorded ?? head;
  const partial = ledger.partial();
  const set = [
    `head_seq = ${params.add(last.seq, 'int8')}`,
    `head_time = ${params.add(last.time, 'timestamptz')}`,
    `node_count = ${params.add(last.nodeCount, 'int8')}`,
    `relationship_count = ${params.add(last.relationshipCount, 'int8')}`,
    `checksum = ${params.add(last.checksum, 'bytea')}`,
    `partial = ${params.add(partial === null ? null : partialJson(partial), 'jsonb')}`,
    `reconciled = reconciled + ${params.add(ledger.reconciled, 'int8')}`,
    `earliest_seq = coalesce(${params.add(ledger.earliest, 'int8')}, earliest_seq)`,
  ];
  return `UPDATE graphs SET ${set.join(', ')} WHERE id = ${graphId}`;
}
