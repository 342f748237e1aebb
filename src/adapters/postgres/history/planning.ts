import { type EntityId, type EntityRef, entityId } from '../../../core/entities.ts';
import type { Page, PageRequest } from '../../../core/moments.ts';
import type { RecordedVersion, UndoSet } from '../../../core/undo-set.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { DiffPosition } from '../../../ports/history.ts';
import { packedQuery } from '../packed.ts';
import { Parameters, pageOf } from './keyset.ts';
import { type RefColumns, refArrays, refOf, VERSION, type VersionRow, versionColumns, versionOf } from './rows.ts';
import { walk } from './walk.ts';

/** The conditions under which a transaction belongs to an undo set; see core/undo-set.ts. */
function memberConditions({ selector, from, until }: UndoSet, parameters: Parameters, t: string): string[] {
  const window = [`${t}.seq > ${parameters.add(from)}::int8`, `${t}.seq <= ${parameters.add(until)}::int8`];
  const own = `${t}.source NOT IN ('ROLLBACK', 'BASELINE', 'RECONCILE')`;
  switch (selector.by) {
    case 'restore':
      return [...window, `${t}.source <> 'BASELINE'`];
    case 'everyone':
      return [...window, `${t}.source NOT IN ('BASELINE', 'RECONCILE')`];
    case 'session':
      return [...window, own, `${t}.session_id = ${parameters.add(selector.sessionId)}`];
    case 'actor':
      return [...window, own, `${t}.actor = ${parameters.add(selector.actor)}`];
    case 'operation':
      return [...window, `${t}.operation_id = ${parameters.add(selector.operationId)}::uuid`];
    case 'transactions':
      return [...window, `${t}.source <> 'BASELINE'`, `${t}.seq = ANY(${parameters.add(selector.seqs)}::int8[])`];
  }
}

/** Which of `seqs` belong to the set. */
export async function members(
  on: SqlExecutor,
  graphId: number,
  set: UndoSet,
  seqs: readonly bigint[],
): Promise<Set<bigint>> {
  if (seqs.length === 0) return new Set();
  const parameters = new Parameters();
  const asked = `t.graph_id = ${parameters.add(graphId)} AND t.seq = ANY(${parameters.add(seqs)}::int8[])`;
  const { rows } = await on.query<{ seq: bigint }>(
    `SELECT t.seq FROM graph_transactions t WHERE ${[asked, ...memberConditions(set, parameters, 't')].join(' AND ')}`,
    parameters.values,
  );
  return new Set(rows.map((row) => row.seq));
}

/** The set's first and last transaction and how many there are. */
export async function extentOf(
  on: SqlExecutor,
  graphId: number,
  set: UndoSet,
): Promise<{ first: bigint; last: bigint; transactions: bigint } | null> {
  const parameters = new Parameters();
  const conditions = [`t.graph_id = ${parameters.add(graphId)}`, ...memberConditions(set, parameters, 't')];
  const { rows } = await on.query<{ first: bigint | null; last: bigint | null; transactions: bigint }>(
    `SELECT min(t.seq) AS first, max(t.seq) AS last, count(*) AS transactions FROM graph_transactions t
     WHERE ${conditions.join(' AND ')}`,
    parameters.values,
  );
  const [row] = rows;
  if (row === undefined || row.first === null || row.last === null) return null;
  return { first: row.first, last: row.last, transactions: row.transactions };
}

/**
 * Versions `e` of one entity that began after a seq. The seq is hidden in a subquery, and the upper end of a window is to be asked of an
 * expression of the version's seq: a planner that sees how narrow the window is, or takes it to be by statistics that are missing or old,
 * chooses the index by seq and reads the whole window for each entity. With no bound at all, every version that the entity ever had is read.
 */
function since(seq: string): string {
  return `e.valid_from_seq > (SELECT ${seq})`;
}

/** Entities that the set touched, in order of the first touch. */
export async function touchedBy(
  on: SqlExecutor,
  graphId: number,
  set: UndoSet,
  page: PageRequest<DiffPosition>,
): Promise<Page<{ position: DiffPosition }>> {
  const touches = {
    transactions: (parameters: Parameters) => memberConditions(set, parameters, 't'),
    counted: 't.change_count',
    columns: 'v.kind, v.key, v.valid_from_seq AS seq',
    joins: '',
    versions: (parameters: Parameters) => [
      // A subquery that the planner cannot turn into a join over the whole window: it seeks the entity by its own index (see `since`)
      // and stops at the first hit. Membership is selected, not asked for, so that only the key finds a transaction.
      `NOT coalesce((
        SELECT true FROM entity_versions e
        WHERE e.graph_id = v.graph_id AND e.kind = v.kind AND e.key = v.key AND ${since(`${parameters.add(set.from)}::int8`)}
          AND e.valid_from_seq + 0 < v.valid_from_seq AND (
            SELECT ${memberConditions(set, parameters, 'm').join(' AND ')} FROM graph_transactions m
            WHERE m.graph_id = e.graph_id AND m.seq = e.valid_from_seq)
        LIMIT 1), false)`,
    ],
  };
  const rows = await walk<RefColumns & { seq: bigint }>(on, graphId, touches, page);
  return pageOf(rows, page, (row) => ({ position: { seq: row.seq, ...refOf(row) } }));
}

/** Per entity the version valid at `from`, if any, then those that began in (from, to], in order. */
export async function windowVersions(
  on: SqlExecutor,
  graphId: number,
  refs: readonly EntityRef[],
  from: bigint,
  to: bigint,
): Promise<Map<EntityId, readonly RecordedVersion[]>> {
  const versions = new Map<EntityId, RecordedVersion[]>();
  if (refs.length === 0) return versions;
  const rows = await packedQuery<VersionRow>(
    on,
    VERSION,
    `SELECT ${versionColumns('v')} FROM (
       SELECT DISTINCT kind, key FROM unnest($4::int2[], $5::text[]) AS asked (kind, key)
     ) r CROSS JOIN LATERAL (
       (SELECT * FROM entity_versions e
        WHERE e.graph_id = $1 AND e.kind = r.kind AND e.key = r.key AND e.valid_from_seq <= $2
        ORDER BY e.valid_from_seq DESC LIMIT 1)
       UNION ALL
       (SELECT * FROM entity_versions e
        WHERE e.graph_id = $1 AND e.kind = r.kind AND e.key = r.key AND ${since('$2')} AND e.valid_from_seq + 0 <= $3)
     ) v ORDER BY v.kind, v.key, v.valid_from_seq`,
    [graphId, from, to, ...refArrays(refs)],
  );
  for (const row of rows) {
    const version = versionOf(row);
    const id = entityId(version);
    const earlier = versions.get(id);
    if (earlier === undefined) versions.set(id, [version]);
    else earlier.push(version);
  }
  return versions;
}
