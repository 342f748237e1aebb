import type { ConflictAspect, ConflictSide } from './conflict-choice.ts';
import type { EntityKind, EntityState } from './entities.ts';
import type { ConflictType } from './policy.ts';

/**
 * What a remembered decision is about: conflicts of this type and aspect (and property, when it is one) on nodes that have all of `labels`,
 * or on relationships of `type`.
 */
export interface RuleSubject {
  readonly kind: EntityKind;
  /** Of a node; sorted, empty for a node without labels. */
  readonly labels: readonly string[];
  /** Of a relationship. */
  readonly type: string | null;
  readonly conflictType: ConflictType;
  readonly aspect: ConflictAspect;
  readonly property: string | null;
}

/** A decision that later operations apply. */
export interface ResolutionRule extends RuleSubject {
  readonly id: string;
  readonly side: ConflictSide;
  readonly createdBy: string | null;
}

/** What of a conflict decides which rules speak of it. The states are those that it shows; absent ones are null. */
export interface RuledConflict {
  readonly kind: EntityKind;
  readonly type: ConflictType;
  readonly aspect: ConflictAspect;
  readonly property: string | null;
}

/** The subject of a decision about a conflict, by what the entity is now, or else what it was. */
export function subjectOf(conflict: RuledConflict, state: EntityState | null): RuleSubject {
  const { kind, type: conflictType, aspect, property } = conflict;
  const labels = state?.kind === 'NODE' ? [...state.labels].sort() : [];
  return { kind, labels, type: state?.kind === 'RELATIONSHIP' ? state.type : null, conflictType, aspect, property };
}

/** What the rules say of a conflict. DISAGREE: the most particular ones want different things, so none is followed. */
export type Ruling =
  | { readonly kind: 'NONE' }
  | { readonly kind: 'APPLY'; readonly rule: ResolutionRule }
  | { readonly kind: 'DISAGREE'; readonly rules: readonly ResolutionRule[] };

/**
 * The rule that decides a conflict: of those that speak of it, the one that names the most labels. Rules that name equally many and want
 * different sides cancel each other out. A rule for nodes without labels speaks of no other node.
 */
export function ruleFor(rules: readonly ResolutionRule[], conflict: RuledConflict, state: EntityState | null): Ruling {
  const fitting = rules.filter((rule) => speaksOf(rule, conflict, state));
  const most = fitting.reduce((length, { labels }) => Math.max(length, labels.length), 0);
  const [first, ...others] = fitting.filter(({ labels }) => labels.length === most);
  if (first === undefined) return { kind: 'NONE' };
  if (others.some(({ side }) => side !== first.side)) return { kind: 'DISAGREE', rules: [first, ...others] };
  return { kind: 'APPLY', rule: first };
}

function speaksOf(rule: ResolutionRule, conflict: RuledConflict, state: EntityState | null): boolean {
  if (rule.kind !== conflict.kind || rule.conflictType !== conflict.type) return false;
  if (rule.aspect !== conflict.aspect || rule.property !== conflict.property) return false;
  if (state?.kind === 'RELATIONSHIP') return rule.type === state.type;
  const labels = new Set(state?.labels ?? []);
  return rule.labels.length === 0 ? labels.size === 0 : rule.labels.every((label) => labels.has(label));
}
