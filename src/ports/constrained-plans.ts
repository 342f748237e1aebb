import type { Constraint } from '../core/constraints.ts';
import type { EntityRef } from '../core/entities.ts';
import type { OperationLease } from './operation-store.ts';
import type { PlanRow } from './plan-store.ts';

/** Two rows that would hold the same unique values. */
export interface SharedValues {
  readonly ref: EntityRef;
  /** The first of those that would hold them. */
  readonly holder: EntityRef;
}

/** Plans as constraints see them. Everything by one statement for a constraint, or a page. */
export interface ConstrainedPlans {
  /** Pending rows after which the constraint speaks of an entity in another way than before, in pages. */
  constrainedRows(operationId: string, constraint: Constraint, pageSize: number): AsyncIterable<readonly PlanRow[]>;
  /** Pending rows that would hold unique values together with another one. At most `limit`. */
  sharedValues(operationId: string, constraint: Constraint, limit: number): Promise<readonly SharedValues[]>;
  /** Marks pending updates by which an entity gives up unique values that another pending row gets: they are to give them up first. */
  markReleases(lease: OperationLease, constraints: readonly Constraint[]): Promise<void>;
}
