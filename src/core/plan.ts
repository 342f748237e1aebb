import type { Decision, EntityPlan, PlanInput, PlannedConflict, ResolvedPlan } from './plan-types.ts';
import type { RecordedVersion } from './undo-set.ts';

export type * from './plan-types.ts';

/** Every seq whose membership `planEntity` may ask for: the versions' own and those of the origins that they carry. */
export function seqsOf(_versions: readonly RecordedVersion[]): bigint[] {
  throw new Error('not built yet');
}

/** The plan of one entity: a pure function of history, undo set, scope and live state. */
export function planEntity(_input: PlanInput): EntityPlan {
  throw new Error('not built yet');
}

/** The state that results when each conflict is decided. Undecided conflicts are to be given as LIVE. */
export function resolvePlan(_plan: EntityPlan, _decide: (conflict: PlannedConflict, index: number) => Decision): ResolvedPlan {
  throw new Error('not built yet');
}
