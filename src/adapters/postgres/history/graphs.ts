import { ZERO } from '../../../core/checksum.ts';
import type { CaptureMode } from '../../../core/errors.ts';
import type { Page, PageRequest } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { CaptureProblem, GraphRecord, NewCaptureProblem } from '../../../ports/history.ts';
import { keyset, Parameters, pageOf } from './keyset.ts';

interface GraphRow {
  readonly id: number;
  readonly name: string;
  readonly kind: GraphRecord['kind'];
  readonly capture_mode: CaptureMode;
  readonly capture_error: string | null;
  readonly gaps: bigint;
  readonly capture_progress: number;
  readonly reconciled: bigint;
  readonly epoch: number;
  readonly head_seq: bigint;
  readonly head_time: Date;
  readonly node_count: bigint;
  readonly relationship_count: bigint;
  readonly checksum: Uint8Array;
}

const COLUMNS = `id, name, kind, capture_mode, capture_error, gaps, capture_progress, reconciled, epoch, head_seq, head_time,
  node_count, relationship_count, checksum`;

// Moments are whole milliseconds, as capture gives them: a finer start would lie after what follows it.
const OPEN = `
  WITH made AS (
    INSERT INTO graphs (name, kind, head_time, checksum, capture_mode, capture_progress)
    SELECT $1, $2, date_trunc('milliseconds', now()), $3, CASE $2 WHEN 'EMBEDDED' THEN 'CONTINUOUS' ELSE 'OFF' END,
      CASE $2 WHEN 'EMBEDDED' THEN 100 ELSE 0 END
    ON CONFLICT (name) DO NOTHING RETURNING id, head_time
  )
  INSERT INTO graph_transactions (graph_id, seq, feed_id, time, source, epoch, cut, change_count, nodes_created, nodes_updated,
    nodes_deleted, relationships_created, relationships_updated, relationships_deleted, node_count, relationship_count, checksum)
  SELECT id, 0, 'start', head_time, 'BASELINE', 1, true, 0, 0, 0, 0, 0, 0, 0, 0, 0, $3 FROM made`;

/** The graph's row, made with transaction 0 (the empty baseline) when it is new. Only an embedded graph is captured from the start. */
export async function openGraph(on: SqlExecutor, name: string, kind: GraphRecord['kind']): Promise<GraphRecord> {
  await on.query(OPEN, [name, kind, ZERO]);
  const graph = await graphByName(on, name);
  if (graph === null) throw new Error(`graph ${name} vanished while it was opened`);
  return graph;
}

export async function graphsById(on: SqlExecutor, ids: readonly number[]): Promise<Map<number, GraphRecord>> {
  const { rows } = await on.query<GraphRow>(`SELECT ${COLUMNS} FROM graphs WHERE id = ANY($1::int4[])`, [ids]);
  return new Map(rows.map((row) => [row.id, graphOf(row)]));
}

export async function graphByName(on: SqlExecutor, name: string): Promise<GraphRecord | null> {
  const { rows } = await on.query<GraphRow>(`SELECT ${COLUMNS} FROM graphs WHERE name = $1`, [name]);
  return rows[0] === undefined ? null : graphOf(rows[0]);
}

export async function beginEpoch(on: SqlExecutor, id: number): Promise<void> {
  await on.query('UPDATE graphs SET epoch = epoch + 1 WHERE id = $1', [id]);
}

/** One statement, so that of several that find the same gap only one ends the epoch. */
export async function beginGap(
  on: SqlExecutor,
  id: number,
  error: string,
  isNew: boolean,
  problems: readonly NewCaptureProblem[],
): Promise<boolean> {
  const { rows } = await on.query<{ began: boolean }>(
    `WITH before AS (SELECT capture_error IS NULL AS whole FROM graphs WHERE id = $1 FOR UPDATE),
       listed AS (
         INSERT INTO capture_problems (graph_id, kind, message, key)
         SELECT $1, p.kind, p.message, p.key FROM before, unnest($4::text[], $5::text[], $6::text[]) AS p (kind, message, key) WHERE whole
       )
     UPDATE graphs SET capture_error = coalesce(capture_error, $2), epoch = epoch + whole::int, gaps = gaps + $3::bool::int
     FROM before WHERE id = $1 RETURNING whole AS began`,
    [id, error, isNew, ...columnsOf(problems)],
  );
  return rows[0]?.began ?? false;
}

export async function endGap(on: SqlExecutor, id: number, gaps: bigint): Promise<boolean> {
  const { count } = await on.query('UPDATE graphs SET capture_error = NULL WHERE id = $1 AND gaps = $2', [id, gaps]);
  return count > 0;
}

export async function addCaptureProblems(
  on: SqlExecutor,
  id: number,
  problems: readonly NewCaptureProblem[],
): Promise<void> {
  if (problems.length === 0) return;
  await on.query(
    `INSERT INTO capture_problems (graph_id, kind, message, key)
     SELECT $1, p.kind, p.message, p.key FROM unnest($2::text[], $3::text[], $4::text[]) AS p (kind, message, key)`,
    [id, ...columnsOf(problems)],
  );
}

function columnsOf(problems: readonly NewCaptureProblem[]): (string | null)[][] {
  return [problems.map(({ kind }) => kind), problems.map(({ message }) => message), problems.map(({ key }) => key)];
}

/** In the order in which they were found. */
export async function captureProblems(
  on: SqlExecutor,
  id: number,
  page: PageRequest<bigint>,
): Promise<Page<CaptureProblem>> {
  const parameters = new Parameters();
  const conditions = [`graph_id = ${parameters.add(id)}`];
  const { orderBy, limit, conditions: position } = keyset(['id'], page, (at) => [parameters.add(at)]);
  const { rows } = await on.query<CaptureProblem>(
    `SELECT id, at, kind, message, key FROM capture_problems
     WHERE ${[...conditions, ...position].join(' AND ')} ORDER BY ${orderBy} LIMIT ${limit}`,
    parameters.values,
  );
  return pageOf(rows, page, (row) => row);
}

function graphOf(row: GraphRow): GraphRecord {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    captureMode: row.capture_mode,
    captureError: row.capture_error,
    gaps: row.gaps,
    captureProgress: row.capture_progress,
    reconciled: row.reconciled,
    epoch: row.epoch,
    head: { seq: row.head_seq, time: row.head_time },
    nodeCount: row.node_count,
    relationshipCount: row.relationship_count,
    checksum: row.checksum,
  };
}
