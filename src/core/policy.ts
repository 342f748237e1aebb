/** What a conflict is about; see the planning rules in docs/decisions/005-put-back-values.md. */
export const CONFLICT_TYPES = ['VALUE', 'TYPE', 'STRUCTURE', 'DEPENDENCY'] as const;
export type ConflictType = (typeof CONFLICT_TYPES)[number];

/**
 * What happens with a conflict: ABORT ends the operation, SKIP keeps live, OVERWRITE takes target, MERGE joins both sides and falls
 * back to MANUAL, MANUAL waits for a person.
 */
export const CONFLICT_STRATEGIES = ['ABORT', 'SKIP', 'OVERWRITE', 'MANUAL', 'MERGE'] as const;
export type ConflictStrategy = (typeof CONFLICT_STRATEGIES)[number];

/** One strategy for all conflicts, and one per type where it is to be another. */
export interface ConflictPolicy {
  readonly default: ConflictStrategy;
  readonly value?: ConflictStrategy | null | undefined;
  readonly type?: ConflictStrategy | null | undefined;
  readonly structure?: ConflictStrategy | null | undefined;
  readonly dependency?: ConflictStrategy | null | undefined;
}

/** Everything waits for a person. */
export const MANUAL_POLICY: ConflictPolicy = { default: 'MANUAL' };

const FIELD = {
  VALUE: 'value',
  TYPE: 'type',
  STRUCTURE: 'structure',
  DEPENDENCY: 'dependency',
} as const satisfies Record<ConflictType, keyof ConflictPolicy>;

/** The strategy that a policy has for conflicts of a type. */
export function strategyFor(policy: ConflictPolicy, type: ConflictType): ConflictStrategy {
  return policy[FIELD[type]] ?? policy.default;
}
