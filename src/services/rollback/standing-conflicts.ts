import { sameAspect } from '../../core/aspects.ts';
import { choiceFrom, choiceKind } from '../../core/conflict-choice.ts';
import type { EntityRef } from '../../core/entities.ts';
import { stateHash, toHex } from '../../core/hash.ts';
import type { PlannedConflict } from '../../core/plan.ts';
import type { ConflictPolicy } from '../../core/policy.ts';
import type { ResolutionRule } from '../../core/resolution-rules.ts';
import { BY_POLICY, type Settleable, type Settlement, settle } from '../../core/settling.ts';
import type { Value } from '../../core/values.ts';
import type { ConflictStore, StoredConflict } from '../../ports/conflict-store.ts';
import type { NewOperationEvent, OperationRecord } from '../../ports/operation-store.ts';
import type { FoundConflicts, NewConflict, PlanRow, RenewedConflict } from '../../ports/plan-store.ts';
import type { OperationRun } from './operation-run.ts';
import type { Settler } from './plan-decisions.ts';

/** Conflicts that get an event of their own when they are open again, at a time. */
const SHOWN_REOPENED = 100;
/** What is not about any property, and no dependency that a plan shows: the graph refused the write. */
export const BLOCK = { type: 'DEPENDENCY', aspect: 'CONSTRAINT', property: null } as const;

/** An operation whose conflicts are decided. A run is one. */
export interface Decided {
  readonly deps: { readonly conflicts: Pick<ConflictStore, 'ofEntities'> };
  readonly operation: Pick<OperationRecord, 'id' | 'policy' | 'rehearsalOfId' | 'resumesId' | 'counts'>;
  readonly rules: () => Promise<readonly ResolutionRule[]>;
}

/** Whether what the plan writes is settled: somebody said "go" to the list of it, or a part of it is written. */
function isConfirmed({ rehearsalOfId, resumesId, counts }: Decided['operation']): boolean {
  return rehearsalOfId !== null || resumesId !== null || counts.applied > 0n;
}

/** The conflict of a row that the graph refuses to take. */
export function blockConflict(row: PlanRow, explanation: string): Omit<NewConflict, 'id' | 'settlement'> {
  return {
    kind: row.kind,
    key: row.key,
    ...BLOCK,
    base: null,
    target: null,
    live: null,
    merged: null,
    overwritable: true,
    baseState: null,
    targetState: row.after,
    liveState: row.before,
    liveHash: row.expectedHash === null ? '' : toHex(row.expectedHash),
    liveSeq: null,
    explanation,
  };
}

/** What makes two findings the same conflict, and what a decision about it is based on. */
type Finding = Pick<NewConflict, 'kind' | 'key' | 'type' | 'aspect' | 'property' | 'base' | 'target' | 'live'> & {
  readonly liveHash: string;
  readonly explanation: string;
};

/**
 * The conflicts of some entities as they are stored, beside what planning finds now. A decision holds as long as what it was based on: base,
 * target and live of a property or the labels, the whole live state where existence is in question, what hangs on the entity for a
 * dependency. Where that has changed, the conflict has a new version and is decided anew.
 */
export class StandingConflicts {
  readonly #policy: ConflictPolicy;
  readonly #isConfirmed: boolean;
  readonly #known: ReadonlyMap<string, StoredConflict>;
  readonly #rules: readonly ResolutionRule[];

  private constructor(
    operation: Decided['operation'],
    known: readonly StoredConflict[],
    rules: readonly ResolutionRule[],
  ) {
    this.#policy = operation.policy;
    this.#isConfirmed = isConfirmed(operation);
    this.#known = new Map(known.map((conflict) => [nameOf(conflict), conflict]));
    this.#rules = rules;
  }

  static async of({ deps, operation, rules }: Decided, refs: readonly EntityRef[]): Promise<StandingConflicts> {
    const known = await deps.conflicts.ofEntities(operation.id, refs);
    return new StandingConflicts(operation, known, await rules());
  }

  /** For an operation that has no conflicts yet. */
  static async none({ operation, rules }: Decided): Promise<StandingConflicts> {
    return new StandingConflicts(operation, [], await rules());
  }

  /** Decides the conflicts of planned entities. */
  readonly settlePlanned: Settler = (conflict: PlannedConflict, { plan }) => {
    const { kind, key } = plan.ref;
    const state = plan.live ?? plan.base ?? plan.overwritten;
    const isAboutState = conflict.aspect === 'EXISTENCE' || conflict.aspect === 'ENDS';
    const liveHash = isAboutState && plan.live !== null ? toHex(stateHash(plan.live)) : '';
    return this.settle({ ...conflict, kind, key, liveHash, state });
  };

  /**
   * What is decided about a conflict by now; null while it is open. `adds`: overwriting would write other entities besides, which only a person adds
   * to a plan that is confirmed.
   */
  settle(found: Finding & Settleable, adds = false): Settlement | null {
    const stored = this.#known.get(nameOf(found));
    if (stored !== undefined && isSameMatter(stored, found)) return settlementOf(stored);
    const settlement = settle(this.#policy, this.#rules, found);
    const isWider = adds && settlement !== null && choiceKind(settlement.choice) === 'TARGET';
    return isWider && this.#isConfirmed ? null : settlement;
  }

  /** Stored conflicts with the id and version that they keep, and the fresh ones. `ids` leads from the found conflicts' ids to those kept. */
  sort(found: readonly NewConflict[]): {
    readonly added: readonly NewConflict[];
    readonly renewed: readonly RenewedConflict[];
    readonly ids: ReadonlyMap<string, string>;
    readonly reopened: readonly NewConflict[];
  } {
    const added: NewConflict[] = [];
    const renewed: RenewedConflict[] = [];
    const reopened: NewConflict[] = [];
    const ids = new Map<string, string>();
    for (const conflict of found) {
      const stored = this.#known.get(nameOf(conflict));
      if (stored === undefined) {
        added.push(conflict);
        continue;
      }
      ids.set(conflict.id, stored.id);
      const isSame = isSameMatter(stored, conflict);
      const version = isSame ? stored.version : stored.version + 1;
      const kept = { ...conflict, id: stored.id, seenVersion: stored.version, version };
      renewed.push(kept);
      if (!isSame && conflict.settlement === null && isByPerson(stored)) reopened.push(kept);
    }
    return { added, renewed, ids, reopened };
  }

  /** The open conflict of an entity with a constraint, or with what the graph refused; null when there is none. */
  openConstraint({ kind, key }: EntityRef): StoredConflict | null {
    const isIt = (stored: StoredConflict): boolean =>
      stored.aspect === 'CONSTRAINT' && stored.status === 'OPEN' && stored.kind === kind && stored.key === key;
    return [...this.#known.values()].find(isIt) ?? null;
  }

  /** Whether it was decided that an entity does not get this value, since another has it that a constraint allows once. */
  isRefused(ref: EntityRef, property: string, value: Value | null): boolean {
    return [...this.#known.values()].some(
      (stored) =>
        stored.aspect === 'CONSTRAINT' &&
        stored.kind === ref.kind &&
        stored.key === ref.key &&
        stored.property === property &&
        stored.choice === 'LIVE' &&
        sameAspect(stored.target, value),
    );
  }

  /** The conflict that stands because the graph refused this entity's write, see blocking.ts; null when there is none. */
  blockOf(row: PlanRow): NewConflict | null {
    const stored = this.#known.get(nameOf({ kind: row.kind, key: row.key, ...BLOCK }));
    if (stored === undefined) return null;
    return { ...blockConflict(row, stored.explanation), id: stored.id, settlement: settlementOf(stored) };
  }
}

/**
 * Stores rows with their conflicts, at once, since a row that waits for a conflict which is not there would be left out without a word.
 * Conflicts that were there keep their ids, which the result leads to.
 */
export async function storeConflicts(
  run: OperationRun,
  standing: StandingConflicts,
  found: readonly NewConflict[],
  rows: readonly PlanRow[],
  { ties = [], loose = false }: Partial<Pick<FoundConflicts, 'ties' | 'loose'>> = {},
): Promise<ReadonlyMap<string, string>> {
  const { plans } = run.deps;
  const { added, renewed, ids, reopened } = standing.sort(found);
  const kept = (conflictId: string): string => ids.get(conflictId) ?? conflictId;
  const stored = rows.map((row) => ({ ...row, conflictId: row.conflictId === null ? null : kept(row.conflictId) }));
  const events = reopened.slice(0, SHOWN_REOPENED).map(reopenedEvent);
  const tied = ties.map((tie) => ({ ...tie, conflictId: kept(tie.conflictId) }));
  await plans.put(run.lease, stored, { added, renewed, events, ties: tied, loose });
  return ids;
}

function reopenedEvent({ id: conflictId, explanation }: NewConflict): NewOperationEvent {
  return {
    type: 'CONFLICT_DETECTED',
    conflictId,
    message: `Open again, since what it was decided on has changed: ${explanation}`,
  };
}

type Named = Pick<Finding, 'kind' | 'key' | 'type' | 'aspect' | 'property'> & { readonly explanation?: string };

function nameOf({ kind, key, type, aspect, property, explanation }: Named): string {
  // A value that gets another type is the same matter; a dependency is another one than the entity's own existence; and several
  // constraints may speak of one property.
  const constraint = aspect === 'CONSTRAINT' && property !== null ? explanation : null;
  return JSON.stringify([kind, key, type === 'DEPENDENCY', aspect, property, constraint]);
}

function isSameMatter(stored: StoredConflict, found: Finding): boolean {
  if (stored.status === 'RESOLVED' && stored.choice === null) return false;
  if (found.type === 'DEPENDENCY') {
    const isSameBasis = found.aspect === 'CONSTRAINT' || stored.liveHash === found.liveHash;
    return isSameBasis && stored.explanation === found.explanation;
  }
  if (found.aspect === 'PROPERTY' || found.aspect === 'LABEL') {
    return (
      sameAspect(stored.base, found.base) &&
      sameAspect(stored.target, found.target) &&
      sameAspect(stored.live, found.live)
    );
  }
  return stored.liveHash === found.liveHash;
}

function settlementOf(stored: StoredConflict): Settlement | null {
  if (stored.status === 'OPEN' || stored.choice === null) return null;
  return {
    choice: choiceFrom(stored.choice, stored.resolvedValue),
    by: stored.resolvedBy ?? BY_POLICY,
    remembered: stored.remembered,
    ruleId: stored.ruleId,
  };
}

function isByPerson({ status, resolvedBy, remembered }: StoredConflict): boolean {
  return status === 'RESOLVED' && resolvedBy !== null && resolvedBy !== BY_POLICY && !remembered;
}
