import type { Constraint } from '../core/constraints.ts';
import type { EntityRef } from '../core/entities.ts';
import type { Value } from '../core/values.ts';

export interface Holder {
  /** The place in the list that was asked for. */
  readonly at: number;
  readonly ref: EntityRef;
}

/**
 * The constraints that a graph enforces and that plans are checked against. Uniqueness is checked as each statement writes, so values that
 * change hands are given up first; existence and types are checked at commit.
 */
export interface GraphConstraints {
  /** By name. */
  read(): Promise<readonly Constraint[]>;
  /** Who holds the values of a unique constraint now, in one query by the constraint's own index; the values in the order of its properties. */
  holders(constraint: Constraint, tuples: readonly (readonly Value[])[]): Promise<readonly Holder[]>;
}
