import type { Choosable, ConflictAspect, ConflictChoiceKind, ConflictSide } from '../core/conflict-choice.ts';
import type { EntityRef, EntityState } from '../core/entities.ts';
import type { ConflictStrategy, ConflictType } from '../core/policy.ts';
import type { ResolutionRule, RuleSubject } from '../core/resolution-rules.ts';
import type { OperationStatus } from '../core/states.ts';
import type { Value } from '../core/values.ts';
import type { AuditFact } from './audit-log.ts';

/** Conflicts of operations as they are stored, and what persons and remembered decisions make of them. */

export interface StoredConflict extends EntityRef, Choosable {
  readonly id: string;
  readonly operationId: string;
  readonly no: bigint;
  readonly property: string | null;
  readonly status: 'OPEN' | 'RESOLVED';
  readonly version: number;
  /** Hexadecimal; empty when absent. */
  readonly liveHash: string;
  readonly resolution: ConflictStrategy | null;
  readonly choice: ConflictChoiceKind | null;
  readonly resolvedValue: Value | null;
  readonly resolvedBy: string | null;
  readonly remembered: boolean;
  readonly ruleId: string | null;
  readonly explanation: string;
}

/** One decision. Refused when the conflict is not at this version any more, or its live state another. */
export interface Decision {
  readonly conflictId: string;
  readonly expectVersion: number;
  readonly expectLive: string | null;
  readonly choice: ConflictChoiceKind;
  readonly resolution: ConflictStrategy;
  readonly value: Value | null;
}

export interface ConflictSelection {
  readonly status?: 'OPEN' | 'RESOLVED' | null | undefined;
  readonly type?: ConflictType | null | undefined;
  readonly aspect?: ConflictAspect | null | undefined;
  readonly key?: string | null | undefined;
}

export interface NewRule extends RuleSubject {
  readonly id: string;
  readonly side: ConflictSide;
}

export interface StoredRule extends ResolutionRule {
  readonly graphId: number;
}

/** Why nothing was decided. `conflictId` names the decision that does not fit. */
export type DecisionRefusal =
  | { readonly kind: 'STATE'; readonly status: OperationStatus }
  /** It was decided before, and the operation has begun to write by that. */
  | { readonly kind: 'WRITTEN'; readonly conflictId: string }
  | { readonly kind: 'STALE'; readonly conflictId: string; readonly version: number; readonly liveHash: string };

/** The audit entry of decisions. */
export const CONFLICTS_RESOLVED = 'CONFLICTS_RESOLVED';

export interface ConflictStore {
  /** Those of the ids that belong to the operation. */
  byId(operationId: string, ids: readonly string[]): Promise<readonly StoredConflict[]>;
  /** All of these entities, in the order in which they were found. */
  ofEntities(operationId: string, refs: readonly EntityRef[]): Promise<readonly StoredConflict[]>;
  /** Those that match, at most `limit` after number `after`. */
  select(
    operationId: string,
    where: ConflictSelection,
    after: bigint,
    limit: number,
  ): Promise<readonly StoredConflict[]>;
  /** The states of a conflict's entity. */
  states(conflictIds: readonly string[]): Promise<ReadonlyMap<string, ConflictStates>>;
  /** Entities with a decision that the plan's rows do not account for. */
  unplanned(operationId: string, limit: number): Promise<readonly EntityRef[]>;
  /** Whether a decision was changed that the plan had taken in: what followed from it is to be planned from the beginning. */
  hasRevised(operationId: string): Promise<boolean>;
  /**
   * All decisions, their events, the rules and the audit entry in one transaction, or nothing. The operation must wait for a person or be
   * a finished preview. The audit entry's data name the `attempt`.
   * @returns null when decided
   */
  decide(
    operationId: string,
    decisions: readonly Decision[],
    by: string,
    rules: readonly NewRule[],
    audit: AuditFact,
  ): Promise<DecisionRefusal | null>;

  /** Whether an attempt of this name has decided. */
  wasDecided(operationId: string, attempt: string): Promise<boolean>;

  // ---- remembered decisions
  rules(graphId: number): Promise<readonly StoredRule[]>;
  rule(id: string): Promise<StoredRule | null>;
  /** False when it is gone already. */
  forgetRule(id: string, audit: AuditFact): Promise<boolean>;
}

export interface ConflictStates {
  readonly baseState: EntityState | null;
  readonly targetState: EntityState | null;
  readonly liveState: EntityState | null;
}
