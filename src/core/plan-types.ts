import type { Aspect } from './aspects.ts';
import type { Choosable, ConflictAspect, ConflictChoice } from './conflict-choice.ts';
import type { ChangeAction, EntityRef, EntityState } from './entities.ts';
import type { Author } from './plan-explain.ts';
import type { ConflictType } from './policy.ts';
import type { Origins, RecordedVersion } from './undo-set.ts';
import type { Value } from './values.ts';

/** Everything that the plan of one entity depends on. */
export interface PlanInput {
  readonly ref: EntityRef;
  /** The window is (from, head]: the version with seq <= from is the start, all others lie in the window. */
  readonly from: bigint;
  /** The version valid at `from` first, if there is one, then all in the window in order of seq. */
  readonly versions: readonly RecordedVersion[];
  /** Membership of the undo set. Asked only about the seqs that `seqsOf(versions)` lists. */
  readonly isUndone: (seq: bigint) => boolean;
  /** Which aspects the scope lets the plan write. Existence in scope takes everything that the entity holds with it. */
  readonly inScope: (aspect: Aspect) => boolean;
  /** The state now. What it has beyond the last version counts as another's write. */
  readonly live: EntityState | null;
  /** Who made a transaction, for explanations; asked only about the `liveSeq` of conflicts. */
  readonly authorOf?: (seq: bigint) => Author | null;
}

/** One thing that the plan cannot decide: taking it back would undo, or be undone by, what others wrote. */
export interface PlannedConflict extends Choosable {
  readonly type: Exclude<ConflictType, 'DEPENDENCY'>;
  readonly aspect: Exclude<ConflictAspect, 'CONSTRAINT'>;
  /** The property's name when the aspect is PROPERTY, else null. */
  readonly property: string | null;
  /** Of the property; the labels as a list of strings; null for EXISTENCE and ENDS, whose sides are the plan's states. */
  readonly base: Value | null;
  readonly target: Value | null;
  readonly live: Value | null;
  /** Target's and live's changes of base joined, as far as they can be; null when nothing of the kind makes sense. */
  readonly merged: Value | null;
  /** Whether `merged` has all that both sides changed, so that MERGE takes it without asking. */
  readonly mergesCleanly: boolean;
  /** The recorded transaction that made live what it is; null when it is not recorded. */
  readonly liveSeq: bigint | null;
  /** One sentence for the person who decides. */
  readonly explanation: string;
}

/** What is to become of one entity. */
export interface EntityPlan {
  readonly ref: EntityRef;
  /** What the undo set's last write left; null also when it deleted the entity. */
  readonly base: EntityState | null;
  readonly live: EntityState | null;
  /** From `live` to `after`; null when nothing is to be written unless a conflict is decided so. */
  readonly action: ChangeAction | null;
  /** The result when every conflict keeps live. */
  readonly after: EntityState | null;
  /** The result when every conflict takes target; the target state of the conflicts. */
  readonly overwritten: EntityState | null;
  readonly conflicts: readonly PlannedConflict[];
  /** Where the values that `after` puts back come from: what `originsAfter` takes as `putBack`. Null when there are none. */
  readonly origins: Origins | null;
  /** The same for `overwritten`. */
  readonly overwrittenOrigins: Origins | null;
  /** The undo set wrote here, within the scope, and nothing is left to write or to decide. */
  readonly alreadySo: boolean;
  /**
   * A seq that the window should reach back to (from < reach) for an exact plan: a rollback within the window took back something from
   * before it. Null nearly always. The plan is valid without, with the start value as target.
   */
  readonly reach: bigint | null;
}

export type { ConflictAspect, ConflictChoice };

/** A plan with its conflicts decided. */
export interface ResolvedPlan {
  readonly action: ChangeAction | null;
  readonly after: EntityState | null;
  readonly origins: Origins | null;
  /** Whether any conflict was decided for LIVE or left open, so that something of the target was left out. */
  readonly skipped: boolean;
  /** Whether any conflict was left open. */
  readonly open: boolean;
}
