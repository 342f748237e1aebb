import {
  type Constraint,
  explainFailing,
  explainTaken,
  failingProperty,
  isUnique,
  takenTuple,
  tupleOf,
  tupleText,
} from '../../core/constraints.ts';
import { type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import type { Value } from '../../core/values.ts';
import type { GraphConstraints } from '../../ports/graph-constraints.ts';
import type { PlanRow } from '../../ports/plan-store.ts';
import type { OperationRun } from './operation-run.ts';

/** Rows that are looked at together. */
const PAGE = 5000;

/** A pending row that the graph would not take. */
export interface Violation {
  readonly row: PlanRow;
  readonly constraint: Constraint;
  readonly property: string;
  /** Who has the unique values: its live state, or what the plan makes of it. Null where the entity fails by itself. */
  readonly holder: Holding | null;
  readonly explanation: string;
}

export interface Holding {
  /** What it would be. */
  readonly state: EntityState;
  /** Null when the plan does not speak of it. */
  readonly row: PlanRow | null;
}

/** What the plan would do that a constraint does not allow, in pages; at most one finding for an entity and constraint. */
export async function* violationsOf(
  run: OperationRun,
  constraint: Constraint,
  graph: GraphConstraints,
  seq: bigint,
): AsyncGenerator<readonly Violation[]> {
  const { plans } = run.deps;
  const { id } = run.operation;
  for await (const rows of plans.constrainedRows(id, constraint, PAGE)) {
    run.checkpoint();
    const found = rows.flatMap((row) => failing(constraint, row));
    const failed = new Set(found.map(({ row }) => entityId(row)));
    const fitting = rows.filter((row) => !failed.has(entityId(row)));
    yield [...found, ...(isUnique(constraint) ? await taken(run, constraint, graph, fitting, seq) : [])];
  }
  if (!isUnique(constraint)) return;
  const shared = await plans.sharedValues(id, constraint, PAGE);
  const rows = await rowsById(run, [...shared.map(({ ref }) => ref), ...shared.map(({ holder }) => holder)]);
  yield shared.flatMap(({ ref, holder }) => {
    const [row, other] = [rows.get(entityId(ref)), rows.get(entityId(holder))];
    if (row === undefined || other === undefined || other.after === null) return [];
    return clash(constraint, row, { state: other.after, row: other });
  });
}

function failing(constraint: Constraint, row: PlanRow): Violation[] {
  const property = failingProperty(constraint, row.after);
  if (property === null || row.after === null) return [];
  return [{ row, constraint, property, holder: null, explanation: explainFailing(constraint, property, row.after) }];
}

function clash(constraint: Constraint, row: PlanRow, holder: Holding): Violation[] {
  const [property] = constraint.properties;
  if (property === undefined || row.after === null) return [];
  const explanation = explainTaken(constraint, row.after, holder.state);
  return [{ row, constraint, property, holder, explanation }];
}

/** Rows that get what another entity has, and will have after the plan. */
async function taken(
  run: OperationRun,
  constraint: Constraint,
  graph: GraphConstraints,
  rows: readonly PlanRow[],
  seq: bigint,
): Promise<Violation[]> {
  const wanted = rows.flatMap((row): { row: PlanRow; tuple: Value[] }[] => {
    const tuple = takenTuple(constraint, row);
    return tuple === null ? [] : [{ row, tuple }];
  });
  const holders = await graph.holders(
    constraint,
    wanted.map(({ tuple }) => tuple),
  );
  const refs = holders.map(({ ref }) => ref);
  const planned = await rowsById(run, refs);
  const live = await run.deps.history.statesAt(run.operation.graphId, seq, refs);
  return holders.flatMap(({ at, ref }) => {
    const want = wanted[at];
    if (want === undefined || entityId(want.row) === entityId(ref)) return [];
    const row = planned.get(entityId(ref)) ?? null;
    const state = row?.state === 'PENDING' ? row.after : (live.get(entityId(ref)) ?? null);
    const held = tupleOf(constraint, state);
    if (state === null || held === null || tupleText(held) !== tupleText(want.tuple)) return [];
    return clash(constraint, want.row, { state, row });
  });
}

async function rowsById(run: OperationRun, refs: readonly EntityRef[]): Promise<Map<string, PlanRow>> {
  if (refs.length === 0) return new Map();
  const rows = await run.deps.plans.rows(run.operation.id, refs);
  return new Map(rows.map((row) => [entityId(row), row]));
}
