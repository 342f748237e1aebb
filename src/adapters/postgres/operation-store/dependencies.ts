import type { NodeState } from '../../../core/entities.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { DependencyReads, HangingRelationship, MissingEnd } from '../../../ports/plan-store.ts';
import { lastsAt } from '../history/rows.ts';

/*
 * Plans are stored and read at once, before the database has statistics of them. So every look into another row is a subquery with a
 * LIMIT or OFFSET, which stays a look by that row's own key whatever the planner believes of the tables.
 */

/** Versions that were valid at $3 of graph $2, under the alias `v`; by expression, so that the index by seq cannot serve. */
const AT = `v.graph_id = $2 AND v.valid_from_seq + 0 <= $3 AND v.present AND ${lastsAt('v', '$3')}`;

interface RelationshipColumns {
  key: string;
  type: string;
  start_key: string;
  end_key: string;
  properties: NodeState['properties'] | null;
}

/** Relationships at a moment that the plan leaves at nodes that it lets vanish; all of a node's in one page. Pages without any are left out. */
export async function* hangingRelationships(
  on: SqlExecutor,
  reads: DependencyReads,
): AsyncIterable<HangingRelationship[]> {
  for await (const span of spans(on, reads, `kind = 0 AND action = 'DELETED'`)) {
    const page = await hangingIn(on, reads, span);
    if (page.length > 0) yield page;
  }
}

/** Ends that relationships which the plan brings back would lack; all of a relationship's in one page. Pages without any are left out. */
export async function* missingEnds(on: SqlExecutor, reads: DependencyReads): AsyncIterable<MissingEnd[]> {
  for await (const span of spans(on, reads, `kind = 1 AND action <> 'DELETED'`)) {
    const page = await missingIn(on, reads, span);
    if (page.length > 0) yield page;
  }
}

/** Rows of a plan by their numbers. */
interface Span {
  readonly after: bigint;
  readonly until: bigint;
}

/** The whole plan, in spans that hold at most so many pending rows of which the condition is true. */
async function* spans(
  on: SqlExecutor,
  { operationId, pageSize }: DependencyReads,
  condition: string,
): AsyncIterable<Span> {
  for (let after = 0n; ; ) {
    const { rows } = await on.query<{ until: bigint | null }>(
      `SELECT max(no) AS until FROM (SELECT no FROM operation_plan
         WHERE operation_id = $1 AND no > $2 AND ${condition} AND state = 'PENDING' ORDER BY no LIMIT $3) AS page`,
      [operationId, after, pageSize],
    );
    const until = rows[0]?.until ?? null;
    if (until === null) return;
    yield { after, until };
    after = until;
  }
}

async function hangingIn(
  on: SqlExecutor,
  { operationId, graphId, seq }: DependencyReads,
  { after, until }: Span,
): Promise<HangingRelationship[]> {
  const onEnd = (end: 'start_key' | 'end_key'): string => `
    SELECT p.before AS node, v.key, v.type, v.start_key, v.end_key, v.properties
    FROM operation_plan p CROSS JOIN LATERAL (
      SELECT v.key, v.type, v.start_key, v.end_key, v.properties FROM entity_versions v
      WHERE v.${end} = p.key AND ${AT} AND v.kind = 1 OFFSET 0
    ) v
    WHERE p.operation_id = $1 AND p.no > $4 AND p.no <= $5 AND p.kind = 0 AND p.action = 'DELETED' AND p.state = 'PENDING' AND NOT coalesce((
      SELECT true FROM operation_plan r WHERE r.operation_id = $1 AND r.kind = 1 AND r.key = v.key AND r.state = 'PENDING'
        AND (r.action = 'DELETED' OR (r.start_key <> p.key AND r.end_key <> p.key)) LIMIT 1), false)`;
  const { rows } = await on.query<RelationshipColumns & { node: NodeState }>(
    `${onEnd('start_key')} UNION ALL ${onEnd('end_key')}`,
    [operationId, graphId, seq, after, until],
  );
  return rows.map(({ node, key, type, start_key: start, end_key: end, properties }) => ({
    node,
    relationship: { kind: 'RELATIONSHIP', key, type, start, end, properties: properties ?? {} },
  }));
}

async function missingIn(
  on: SqlExecutor,
  { operationId, graphId, seq }: DependencyReads,
  { after, until }: Span,
): Promise<MissingEnd[]> {
  const { rows } = await on.query<{
    relationship: MissingEnd['relationship'];
    end: string;
    live: boolean;
    labels: string[] | null;
    properties: NodeState['properties'] | null;
    known: boolean;
  }>(
    `WITH ends AS MATERIALIZED (
       SELECT DISTINCT p.no, e.key FROM operation_plan p CROSS JOIN LATERAL (VALUES (p.start_key), (p.end_key)) AS e(key)
       WHERE p.operation_id = $1 AND p.no > $4 AND p.no <= $5 AND p.kind = 1 AND p.state = 'PENDING' AND (p.action = 'CREATED' OR (p.action = 'UPDATED'
         AND (p.before->>'start' <> p.start_key OR p.before->>'end' <> p.end_key)))
     ), planned AS MATERIALIZED (
       SELECT ends.no, ends.key,
         (SELECT n.action FROM operation_plan n
          WHERE n.operation_id = $1 AND n.kind = 0 AND n.key = ends.key AND n.state = 'PENDING' LIMIT 1) AS action,
         coalesce((SELECT true FROM entity_versions v WHERE v.kind = 0 AND v.key = ends.key AND ${AT} LIMIT 1), false) AS live
       FROM ends
     )
     SELECT (SELECT r.after FROM operation_plan r WHERE r.operation_id = $1 AND r.no = m.no LIMIT 1) AS relationship, m.key AS end, m.live,
       last.labels, last.properties, last.key IS NOT NULL AS known
     FROM planned m
     LEFT JOIN LATERAL (SELECT v.key, v.labels, v.properties FROM entity_versions v
       WHERE v.graph_id = $2 AND v.kind = 0 AND v.key = m.key AND v.valid_from_seq + 0 <= $3 AND v.present
       ORDER BY v.valid_from_seq + 0 DESC LIMIT 1) AS last ON NOT m.live
     WHERE CASE WHEN m.live THEN m.action IS NOT DISTINCT FROM 'DELETED' ELSE m.action IS DISTINCT FROM 'CREATED' END
     ORDER BY m.no, m.key`,
    [operationId, graphId, seq, after, until],
  );
  return rows.map((row) => ({
    relationship: row.relationship,
    end: row.end,
    presence: row.live ? 'VANISHING' : 'ABSENT',
    lastState: row.known
      ? { kind: 'NODE', key: row.end, labels: row.labels ?? [], properties: row.properties ?? {} }
      : null,
  }));
}

/** Pairs of groups that one transaction must write: of a relationship that comes or goes, and of an end that comes or goes with it. */
export async function tiedRows(
  on: SqlExecutor,
  operationId: string,
  page: { readonly after: bigint; readonly limit: number },
): Promise<{ a: bigint; b: bigint }[]> {
  const { rows } = await on.query<{ a: bigint; b: bigint }>(
    `SELECT DISTINCT r.group_no AS a, n.group_no AS b
     FROM (SELECT group_no, action, start_key, end_key, before FROM operation_plan
       WHERE operation_id = $1 AND kind = 1 AND state = 'PENDING' AND no > $2 ORDER BY no LIMIT $3) AS r
     CROSS JOIN LATERAL (VALUES (r.start_key), (r.end_key), (r.before->>'start'), (r.before->>'end')) AS e(key)
     CROSS JOIN LATERAL (SELECT n.group_no FROM operation_plan n
       WHERE n.operation_id = $1 AND n.kind = 0 AND n.key = e.key AND n.state = 'PENDING' AND n.action <> 'UPDATED' LIMIT 1) AS n
     WHERE n.group_no <> r.group_no`,
    [operationId, page.after, page.limit],
  );
  return rows;
}
