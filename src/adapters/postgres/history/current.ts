import { type EntityId, type EntityRef, entityId } from '../../../core/entities.ts';
import type { Origins } from '../../../core/undo-set.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { CurrentMark, CurrentVersion } from '../../../ports/history.ts';
import { packedQuery } from '../packed.ts';
import { type RefColumns, refArrays, refOf, VERSION, type VersionRow, versionColumns, versionOf } from './rows.ts';

/** See `History.current`. */
export async function current(
  on: SqlExecutor,
  graphId: number,
  refs: readonly EntityRef[],
): Promise<Map<EntityId, CurrentVersion>> {
  if (refs.length === 0) return new Map();
  const rows = await packedQuery<VersionRow & { hash: Uint8Array | null }>(
    on,
    { ...VERSION, hash: 'bytes' },
    `SELECT v.* FROM unnest($2::int2[], $3::text[]) AS r (kind, key) CROSS JOIN LATERAL (
       SELECT ${versionColumns('e')}, e.hash FROM entity_versions e
       WHERE e.graph_id = $1 AND e.kind = r.kind AND e.key = r.key
       ORDER BY e.valid_from_seq DESC LIMIT 1
     ) v`,
    [graphId, ...refArrays(refs)],
  );
  return new Map(
    rows.map((row) => {
      const version = { ...versionOf(row), hash: row.hash };
      return [entityId(version), version];
    }),
  );
}

interface MarkRow extends RefColumns {
  readonly seq: bigint;
  readonly hash: Uint8Array | null;
  readonly origins: Origins | null;
}

/** See `History.currentMarks`. */
export async function currentMarks(
  on: SqlExecutor,
  graphId: number,
  refs: readonly EntityRef[],
): Promise<Map<EntityId, CurrentMark>> {
  if (refs.length === 0) return new Map();
  const rows = await packedQuery<MarkRow>(
    on,
    { kind: 'json', key: 'json', seq: 'bigint', hash: 'bytes', origins: 'json' },
    `SELECT r.kind, r.key, v.* FROM unnest($2::int2[], $3::text[]) AS r (kind, key) CROSS JOIN LATERAL (
       SELECT e.valid_from_seq AS seq, e.hash, e.origins FROM entity_versions e
       WHERE e.graph_id = $1 AND e.kind = r.kind AND e.key = r.key
       ORDER BY e.valid_from_seq DESC LIMIT 1
     ) v`,
    [graphId, ...refArrays(refs)],
  );
  return new Map(
    rows.map((row) => {
      const { seq, hash, origins } = row;
      const mark = { ...refOf(row), seq, hash, origins };
      return [entityId(mark), mark];
    }),
  );
}

/** Which of these nodes exist in what is stored so far. */
export async function presentNodes(on: SqlExecutor, graphId: number, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await on.query<{ key: string }>(
    `SELECT r.key FROM unnest($2::text[]) AS r (key) CROSS JOIN LATERAL (
       SELECT e.present FROM entity_versions e WHERE e.graph_id = $1 AND e.kind = 0 AND e.key = r.key
       ORDER BY e.valid_from_seq DESC LIMIT 1
     ) v WHERE v.present`,
    [graphId, keys],
  );
  return new Set(rows.map((row) => row.key));
}

/** Which of the feed ids are recorded already. */
export async function known(on: SqlExecutor, graphId: number, feedIds: readonly string[]): Promise<Set<string>> {
  if (feedIds.length === 0) return new Set();
  const { rows } = await on.query<{ feed_id: string }>(
    'SELECT feed_id FROM graph_transactions WHERE graph_id = $1 AND feed_id = ANY($2::text[])',
    [graphId, feedIds],
  );
  return new Set(rows.map((row) => row.feed_id));
}
