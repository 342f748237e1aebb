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

/** What a plan would do that one constraint does not allow; at most one finding for an entity. */
export class ViolationSearch {
  readonly #run: OperationRun;
  readonly #constraint: Constraint;
  readonly #graph: GraphConstraints;
  readonly #seq: bigint;

  constructor(run: OperationRun, constraint: Constraint, graph: GraphConstraints, seq: bigint) {
    this.#run = run;
    this.#constraint = constraint;
    this.#graph = graph;
    this.#seq = seq;
  }

  /** Everything that may be found, in pages. */
  pages(): AsyncIterable<readonly PlanRow[]> {
    return this.#run.deps.plans.constrainedRows(this.#run.operation.id, this.#constraint, PAGE);
  }

  /** Rows that fail by themselves, or get what another entity has and keeps. */
  async among(rows: readonly PlanRow[]): Promise<readonly Violation[]> {
    const found = rows.flatMap((row) => failing(this.#constraint, row));
    if (!isUnique(this.#constraint)) return found;
    const failed = new Set(found.map(({ row }) => entityId(row)));
    return [...found, ...(await this.#taken(rows.filter((row) => !failed.has(entityId(row)))))];
  }

  /** Those of a page, as they are now, that get what others have and keep by now, and those that were not looked at to the end. */
  async again(
    page: readonly PlanRow[],
    changed: readonly PlanRow[],
    later: readonly PlanRow[],
  ): Promise<readonly PlanRow[]> {
    const kept = new Set(changed.flatMap((row) => this.#textOf(row.before) ?? []));
    const seen = new Set(changed.map(entityId));
    const refs = page.filter((row) => !seen.has(entityId(row)) && kept.has(this.#textOf(row.after) ?? ''));
    const rows = await rowsById(this.#run, [...refs, ...later]);
    return [...rows.values()].filter(({ state }) => state === 'PENDING');
  }

  /** Several rows that get the same. */
  async shared(): Promise<readonly Violation[]> {
    if (!isUnique(this.#constraint)) return [];
    const { plans } = this.#run.deps;
    const shared = await plans.sharedValues(this.#run.operation.id, this.#constraint, PAGE);
    const rows = await rowsById(this.#run, [...shared.map(({ ref }) => ref), ...shared.map(({ holder }) => holder)]);
    return shared.flatMap(({ ref, holder }) => {
      const [row, other] = [rows.get(entityId(ref)), rows.get(entityId(holder))];
      if (row === undefined || other === undefined || other.after === null) return [];
      return clash(this.#constraint, row, { state: other.after, row: other });
    });
  }

  /** Rows that get what another entity has, and will have after the plan. */
  async #taken(rows: readonly PlanRow[]): Promise<Violation[]> {
    const wanted = rows.flatMap((row): { row: PlanRow; tuple: Value[] }[] => {
      const tuple = takenTuple(this.#constraint, row);
      return tuple === null ? [] : [{ row, tuple }];
    });
    if (wanted.length === 0) return [];
    const holders = await this.#graph.holders(
      this.#constraint,
      wanted.map(({ tuple }) => tuple),
    );
    const refs = holders.map(({ ref }) => ref);
    const planned = await rowsById(this.#run, refs);
    const live = await this.#run.deps.history.statesAt(this.#run.operation.graphId, this.#seq, refs);
    return holders.flatMap(({ at, ref }) => {
      const want = wanted[at];
      if (want === undefined || entityId(want.row) === entityId(ref)) return [];
      const row = planned.get(entityId(ref)) ?? null;
      const state = row?.state === 'PENDING' ? row.after : (live.get(entityId(ref)) ?? null);
      if (state === null || this.#textOf(state) !== tupleText(this.#constraint, want.tuple)) return [];
      return clash(this.#constraint, want.row, { state, row });
    });
  }

  #textOf(state: EntityState | null): string | null {
    const tuple = tupleOf(this.#constraint, state);
    return tuple === null ? null : tupleText(this.#constraint, tuple);
  }
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

async function rowsById(run: OperationRun, refs: readonly EntityRef[]): Promise<Map<string, PlanRow>> {
  if (refs.length === 0) return new Map();
  const rows = await run.deps.plans.rows(run.operation.id, refs);
  return new Map(rows.map((row) => [entityId(row), row]));
}
