import type { NewRule, StoredRule } from '../../../ports/conflict-store.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import { kindNumber, kindOf } from './plan-rows.ts';

const COLUMNS = `id, graph_id AS "graphId", kind, labels, type, conflict_type AS "conflictType", aspect, property, side,
  created_by AS "createdBy"`;

type RuleRow = Omit<StoredRule, 'kind' | 'type' | 'property'> & {
  readonly kind: number;
  readonly type: string;
  readonly property: string;
};

/** Remembers decisions, no two of them about the same things; one takes the place of an older one about the same. */
export async function putRules(tx: SqlExecutor, graphId: number, rules: readonly NewRule[], by: string): Promise<void> {
  if (rules.length === 0) return;
  const json = rules.map((rule) => ({
    ...rule,
    kind: kindNumber(rule.kind),
    type: rule.type ?? '',
    property: rule.property ?? '',
  }));
  await tx.query(
    `INSERT INTO resolution_rules AS r (id, graph_id, kind, labels, type, conflict_type, aspect, property, side, created_by)
     SELECT (n->>'id')::uuid, $1, (n->>'kind')::smallint, ARRAY(SELECT jsonb_array_elements_text(n->'labels')), n->>'type',
       n->>'conflictType', n->>'aspect', n->>'property', n->>'side', $2
     FROM jsonb_array_elements($3::jsonb) AS n
     ON CONFLICT (graph_id, kind, labels, type, conflict_type, aspect, property)
     DO UPDATE SET side = excluded.side, created_by = excluded.created_by, updated_at = now()`,
    [graphId, by, JSON.stringify(json)],
  );
}

export async function readRules(on: SqlExecutor, graphId: number): Promise<StoredRule[]> {
  const { rows } = await on.query<RuleRow>(
    `SELECT ${COLUMNS} FROM resolution_rules WHERE graph_id = $1 ORDER BY created_at, id`,
    [graphId],
  );
  return rows.map(toRule);
}

export async function readRule(on: SqlExecutor, id: string): Promise<StoredRule | null> {
  const { rows } = await on.query<RuleRow>(`SELECT ${COLUMNS} FROM resolution_rules WHERE id = $1`, [id]);
  return rows[0] === undefined ? null : toRule(rows[0]);
}

export async function deleteRule(tx: SqlExecutor, id: string): Promise<boolean> {
  const { count } = await tx.query('DELETE FROM resolution_rules WHERE id = $1', [id]);
  return count > 0;
}

function toRule({ kind, type, property, ...row }: RuleRow): StoredRule {
  return { ...row, kind: kindOf(kind), type: type === '' ? null : type, property: property === '' ? null : property };
}
