import { listTexts } from './aspects.ts';
import { typeNameOf, valueTypeOf } from './canonical.ts';
import { checkName } from './names.ts';
import type { ConflictStrategy, ConflictType } from './policy.ts';
import type { Value } from './values.ts';

/** BASE, TARGET and LIVE: what the undo set left, what it would be without it, what is there. MERGED: the merge that the conflict shows. */
export const CONFLICT_SIDES = ['BASE', 'TARGET', 'LIVE', 'MERGED'] as const;
export type ConflictSide = (typeof CONFLICT_SIDES)[number];

/** What becomes of one conflict: one of its sides, a value of the person's own (labels as a list of strings), or nothing at all. */
export type ConflictChoice = { readonly side: ConflictSide } | { readonly value: Value } | { readonly absent: true };

/** A choice without its value, as it is stored. */
export type ConflictChoiceKind = ConflictSide | 'VALUE' | 'ABSENT';

export function choiceKind(choice: ConflictChoice): ConflictChoiceKind {
  if ('side' in choice) return choice.side;
  return 'value' in choice ? 'VALUE' : 'ABSENT';
}

/** The inverse of `choiceKind`. @throws RangeError for VALUE without a value */
export function choiceFrom(kind: ConflictChoiceKind, value: Value | null): ConflictChoice {
  if (kind === 'ABSENT') return { absent: true };
  if (kind !== 'VALUE') return { side: kind };
  if (value === null) throw new RangeError('a choice of a value has none');
  return { value };
}

/** The strategy that a choice comes to, as conflicts show it. */
export function strategyOf(choice: ConflictChoice): ConflictStrategy {
  const kind = choiceKind(choice);
  if (kind === 'LIVE') return 'SKIP';
  if (kind === 'TARGET') return 'OVERWRITE';
  return kind === 'MERGED' ? 'MERGE' : 'MANUAL';
}

export type ConflictAspect = 'PROPERTY' | 'LABEL' | 'EXISTENCE' | 'ENDS' | 'CONSTRAINT';

/**
 * What of a conflict decides which choices fit. For EXISTENCE and ENDS the values are null: their sides are states. CONSTRAINT has those of
 * the property, of which a value is wanted: of the entity's own where the constraint would fail, of the other's where a unique value is taken.
 */
export interface Choosable {
  readonly type: ConflictType;
  readonly aspect: ConflictAspect;
  readonly base: Value | null;
  readonly target: Value | null;
  readonly live: Value | null;
  readonly merged: Value | null;
  /** Whether target can be written, with what goes along with it. */
  readonly overwritable: boolean;
}

/**
 * Why a choice does not fit a conflict, or null when it does. A value must be of a type that one of the sides has; labels are a list of
 * names. Existence and ends are decided by choosing a side. Written to follow the name of the field.
 */
export function choiceProblem(conflict: Choosable, choice: ConflictChoice): string | null {
  const { aspect, merged } = conflict;
  const kind = choiceKind(choice);
  if (kind === 'LIVE') return null;
  if (kind === 'TARGET') return conflict.overwritable ? null : 'TARGET cannot be written: see the explanation';
  if (kind === 'MERGED') return merged === null ? 'MERGED is not possible: there is no merge to take' : null;
  if (kind === 'BASE') return conflict.type === 'DEPENDENCY' ? 'BASE is no choice for a dependency' : null;
  if (aspect === 'EXISTENCE' || aspect === 'ENDS') return 'existence and ends are decided by choosing a side';
  if (!('value' in choice)) return null;
  return aspect === 'LABEL' ? labelsProblem(choice.value) : typeProblem(conflict, choice.value);
}

function labelsProblem(value: Value): string | null {
  const labels = listTexts(value);
  if (labels === null) return 'labels are decided as a list of strings';
  for (const label of labels) {
    const problem = checkName(label);
    if (problem !== null) return `label ${problem}`;
  }
  return null;
}

function typeProblem({ base, target, live }: Choosable, value: Value): string | null {
  const sides = [base, target, live].filter((side) => side !== null);
  if (sides.length === 0 || sides.some((side) => fits(value, side))) return null;
  const types = [...new Set(sides.map(typeNameOf))].join(' or ');
  return `must be of type ${types}, not ${typeNameOf(value)}`;
}

/** An empty list has no element type and fits every list. */
function fits(value: Value, side: Value): boolean {
  const [a, b] = [valueTypeOf(value), valueTypeOf(side)];
  if (a.type !== b.type) return false;
  return a.elementType === b.elementType || a.elementType === null || b.elementType === null;
}
