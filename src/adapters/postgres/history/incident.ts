import type { RelationshipState } from '../../../core/entities.ts';
import type { Page, PageRequest } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import { keyset, Parameters, pageOf } from './keyset.ts';
import { endOf, lastsAt, type RefColumns, type StateColumns, stateColumns, stateOf } from './rows.ts';

type RelationshipRow = RefColumns & StateColumns;

export interface IncidentFilter {
  readonly direction: 'IN' | 'OUT' | 'BOTH';
  readonly types?: readonly string[] | undefined;
}

/** The column that holds the given nodes, by direction as those nodes see it. */
const ENDS = { OUT: ['start_key'], IN: ['end_key'], BOTH: ['start_key', 'end_key'] } as const;

/**
 * Relationships at `seq` with an end in `nodeKeys`, in key order, each once. Every node gives at most one page from its index, in key
 * order; the page is the beginning of what they give together.
 */
export async function incidentAt(
  on: SqlExecutor,
  graphId: number,
  seq: bigint,
  nodeKeys: readonly string[],
  filter: IncidentFilter,
  page: PageRequest<string>,
): Promise<Page<RelationshipState>> {
  const parameters = new Parameters();
  const graph = parameters.add(graphId);
  const at = `${parameters.add(seq)}::int8`;
  const nodes = parameters.add(nodeKeys);
  const types = filter.types === undefined ? '' : `AND e.type = ANY(${parameters.add(filter.types)}::text[])`;
  const order = keyset(['e.key'], page, (position) => [parameters.add(position)]);
  const branches = ENDS[filter.direction].map(
    (end) => `SELECT v.* FROM unnest(${nodes}::text[]) AS n (key) CROSS JOIN LATERAL (
      SELECT e.kind, e.key, ${stateColumns('e')} FROM entity_versions e
      WHERE ${[`e.graph_id = ${graph} AND e.${end} = n.key ${types}`, ...order.conditions].join(' AND ')}
        AND e.valid_from_seq <= ${at} AND ${lastsAt('e', at)}
      ORDER BY ${order.orderBy} LIMIT ${order.limit}
    ) v`,
  );
  const outer = order.orderBy.replace('e.key', 'key');
  const { rows } = await on.query<RelationshipRow>(
    `SELECT DISTINCT ON (key) * FROM (${branches.join(' UNION ALL ')}) found ORDER BY ${outer} LIMIT ${order.limit}`,
    parameters.values,
  );
  return pageOf(relationshipsOf(rows), page, (state) => state);
}

/** See `History.leftBehind`. */
export async function leftBehind(
  on: SqlExecutor,
  graphId: number,
  nodeKeys: readonly string[],
  except: readonly string[],
  limit: number,
): Promise<RelationshipState[]> {
  const branch = (end: string): string => `SELECT v.* FROM gone CROSS JOIN LATERAL (
      SELECT e.kind, e.key, ${stateColumns('e')} FROM entity_versions e
      WHERE e.graph_id = $1 AND e.${end} = gone.key AND ${endOf('e')} IS NULL AND e.key <> ALL($3::text[]) LIMIT $4
    ) v`;
  const { rows } = await on.query<RelationshipRow>(
    `WITH gone AS (
       SELECT unnest($2::text[]) AS key
       UNION
       SELECT v.key FROM graphs g JOIN entity_versions v ON v.graph_id = g.id AND v.valid_from_seq = g.head_seq + 1
       WHERE g.id = $1 AND g.partial IS NOT NULL AND v.kind = 0 AND NOT v.present
     )
     SELECT DISTINCT ON (key) * FROM (${branch('start_key')} UNION ALL ${branch('end_key')}) found ORDER BY key LIMIT $4`,
    [graphId, nodeKeys, except, limit],
  );
  return relationshipsOf(rows);
}

function relationshipsOf(rows: readonly RelationshipRow[]): RelationshipState[] {
  return rows.flatMap((row) => {
    const state = stateOf({ kind: 'RELATIONSHIP', key: row.key }, row);
    return state?.kind === 'RELATIONSHIP' ? state : [];
  });
}
