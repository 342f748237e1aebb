import { type Choosable, type ConflictChoice, choiceProblem } from './conflict-choice.ts';
import type { EntityKind, EntityState } from './entities.ts';
import { type ConflictPolicy, strategyFor } from './policy.ts';
import { type ResolutionRule, ruleFor } from './resolution-rules.ts';

/** What was decided about a conflict, and by whom: a person, the person whose decision is remembered, or the policy. */
export interface Settlement {
  readonly choice: ConflictChoice;
  readonly by: string;
  /** A remembered decision was applied. */
  readonly remembered: boolean;
  readonly ruleId: string | null;
}

/** Who is named when the request's policy decided. */
export const BY_POLICY = 'policy';

/** A conflict as far as it matters for who decides it. */
export interface Settleable extends Choosable {
  readonly kind: EntityKind;
  readonly property: string | null;
  /** Whether MERGE may take the merge without asking. */
  readonly mergesCleanly: boolean;
  /** What the entity is, or else was. */
  readonly state: EntityState | null;
}

/**
 * What is decided without asking: by the policy where it says so, or else, where it would ask a person (MANUAL, a merge that leaves
 * something open, an overwriting that cannot be), by a remembered decision. Null: a person decides, or the policy aborts.
 */
export function settle(
  policy: ConflictPolicy,
  rules: readonly ResolutionRule[],
  conflict: Settleable,
): Settlement | null {
  const strategy = strategyFor(policy, conflict.type);
  if (strategy === 'ABORT') return null;
  const byPolicy = (choice: ConflictChoice): Settlement => ({ choice, by: BY_POLICY, remembered: false, ruleId: null });
  if (strategy === 'SKIP') return byPolicy({ side: 'LIVE' });
  // What a constraint stands against is never overwritten by policy: somebody has to say what becomes of it.
  if (strategy === 'OVERWRITE' && conflict.overwritable && conflict.aspect !== 'CONSTRAINT') {
    return byPolicy({ side: 'TARGET' });
  }
  if (strategy === 'MERGE' && conflict.mergesCleanly) return byPolicy({ side: 'MERGED' });
  const ruling = ruleFor(rules, conflict, conflict.state);
  if (ruling.kind !== 'APPLY') return null;
  const { rule } = ruling;
  const choice = { side: rule.side };
  if (choiceProblem(conflict, choice) !== null) return null;
  return { choice, by: rule.createdBy ?? 'nobody', remembered: true, ruleId: rule.id };
}
