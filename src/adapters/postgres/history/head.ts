import { checksumFromHex, checksumToHex, ZERO } from '../../../core/checksum.ts';
import { NO_CHANGES } from '../../../core/diff.ts';
import type { ChangeSummary } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { RecorderLease } from '../../../ports/history.ts';
import { StaleTokenError } from '../../../ports/knowledge-graph.ts';

/** What a graph holds after a transaction. */
export interface Totals {
  readonly nodeCount: bigint;
  readonly relationshipCount: bigint;
  readonly checksum: Uint8Array;
}

/** A transaction whose slices are stored only in part, with the totals after them. */
export interface Partial extends Totals {
  readonly feedId: string;
  readonly summary: ChangeSummary;
  /** Label (L) or type (T) with its name, and by how much its count changes. */
  readonly names: readonly (readonly [kind: string, name: string, by: number])[];
}

/** The head of a graph's history, locked until the database transaction ends. */
export interface Head extends Totals {
  readonly graphId: number;
  readonly seq: bigint;
  readonly time: Date;
  readonly epoch: number;
  readonly partial: Partial | null;
}

interface HeadRow {
  readonly recorder_token: bigint;
  readonly recorder_holder: string | null;
  readonly epoch: number;
  readonly head_seq: bigint;
  readonly head_time: Date;
  readonly node_count: bigint;
  readonly relationship_count: bigint;
  readonly checksum: Uint8Array;
  readonly partial: StoredPartial | null;
}

interface StoredPartial {
  readonly feedId: string;
  readonly nodeCount: string;
  readonly relationshipCount: string;
  readonly checksum: string;
  readonly summary: Readonly<Record<string, string>>;
  readonly names: Partial['names'];
}

// Recording seeks a few entities in tables of any size, and PGlite has no statistics: joins that read a whole table are turned
// off for this database transaction.
const LOCK = `
  SELECT recorder_token, recorder_holder, epoch, head_seq, head_time, node_count, relationship_count, checksum, partial,
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
  FROM graphs WHERE id = $1 FOR UPDATE`;

/** Locks the head of a graph for the holder of the lease. @throws StaleTokenError when another has taken it over */
export async function lockHead(tx: SqlExecutor, lease: RecorderLease): Promise<Head> {
  const { rows } = await tx.query<HeadRow>(LOCK, [lease.graphId]);
  const [row] = rows;
  if (row === undefined || row.recorder_token !== lease.token || row.recorder_holder !== lease.holder) {
    throw new StaleTokenError(`the lease on recording graph ${lease.graphId} was taken over`);
  }
  return {
    graphId: lease.graphId,
    seq: row.head_seq,
    time: row.head_time,
    epoch: row.epoch,
    nodeCount: row.node_count,
    relationshipCount: row.relationship_count,
    checksum: row.checksum,
    partial: row.partial === null ? null : partialOf(row.partial),
  };
}

/** The form in which `graphs.partial` keeps it. */
export function partialJson(partial: Partial): string {
  const { nodeCount, relationshipCount, checksum, ...rest } = partial;
  const stored = { ...rest, nodeCount, relationshipCount, checksum: checksumToHex(checksum) };
  return JSON.stringify(stored, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

function partialOf(stored: StoredPartial): Partial {
  const count = (name: keyof ChangeSummary): bigint => BigInt(stored.summary[name] ?? 0);
  return {
    feedId: stored.feedId,
    nodeCount: BigInt(stored.nodeCount),
    relationshipCount: BigInt(stored.relationshipCount),
    checksum: checksumFromHex(stored.checksum) ?? ZERO,
    names: stored.names,
    summary: {
      ...NO_CHANGES,
      nodesCreated: count('nodesCreated'),
      nodesUpdated: count('nodesUpdated'),
      nodesDeleted: count('nodesDeleted'),
      relationshipsCreated: count('relationshipsCreated'),
      relationshipsUpdated: count('relationshipsUpdated'),
      relationshipsDeleted: count('relationshipsDeleted'),
    },
  };
}
