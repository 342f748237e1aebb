import type { Choosable, ConflictAspect } from '../core/conflict-choice.ts';
import type { Constraint } from '../core/constraints.ts';
import type {
  ChangeAction,
  EntityChange,
  EntityRef,
  EntityState,
  NodeState,
  RelationshipState,
} from '../core/entities.ts';
import type { ChangeSummary } from '../core/moments.ts';
import type { PlanHashRow } from '../core/plan-hash.ts';
import type { ConflictType } from '../core/policy.ts';
import type { Settlement } from '../core/settling.ts';
import type { Origins } from '../core/undo-set.ts';
import type { ConstrainedPlans } from './constrained-plans.ts';
import type { NewOperationEvent, OperationAccount, OperationLease } from './operation-store.ts';

/** Plans, conflicts and proof differences of operations. Everything is written and read in sets. */

export type PlannedState = 'PENDING' | 'APPLIED' | 'SKIPPED' | 'CONFLICTED' | 'ALREADY_SO' | 'FAILED';

/** What becomes of one entity. `before` is what the plan saw, and what the guard demands. */
export interface PlanRow extends EntityChange {
  readonly action: ChangeAction;
  readonly state: PlannedState;
  /** Written only because another entity's change needs it. */
  readonly cascade: boolean;
  /** A decision left something of the target out. */
  readonly partial: boolean;
  /** Other than the first plan had it: others had changed the entity, or a constraint made a person name another value. */
  readonly replanned: boolean;
  /** State hashes of the sides; null: absent. */
  readonly expectedHash: Uint8Array | null;
  readonly targetHash: Uint8Array | null;
  readonly origins: Origins | null;
  readonly conflictId: string | null;
  readonly reason: string | null;
}

/** A row ready to be written: `before` is checked by its hash alone. */
export interface PlannedWrite extends EntityRef {
  /** The relationship gets another type or other ends: it is deleted before everything else and created after. */
  readonly moved: boolean;
  /** The entity gives up unique values that another row gets: it does so before everything else. */
  readonly releases: boolean;
  readonly expectedHash: Uint8Array | null;
  readonly after: EntityState | null;
}

/** What is written, and what the entity should be by now. */
export interface Written extends EntityRef {
  readonly targetHash: Uint8Array | null;
}

export type ConflictSideAspect = ConflictAspect;

export interface NewConflict extends EntityRef, Choosable {
  readonly id: string;
  readonly property: string | null;
  readonly baseState: EntityState | null;
  readonly targetState: EntityState | null;
  readonly liveState: EntityState | null;
  /** Hexadecimal; empty when absent. */
  readonly liveHash: string;
  readonly liveSeq: bigint | null;
  /** Null: open. */
  readonly settlement: Settlement | null;
  readonly explanation: string;
}

/** A conflict that was there before, as the graph makes it now. Its version rises when what decisions are based on has changed. */
export interface RenewedConflict extends NewConflict {
  /** The version that was read: another one by now was decided meanwhile, and is left as it is. */
  readonly seenVersion: number;
  readonly version: number;
}

/** A row that is as it is because of a decision about another entity: once that is not written, the row is to be planned for itself. */
export interface PlanTie extends EntityRef {
  readonly conflictId: string;
}

/** The conflicts of rows that are stored. */
export interface FoundConflicts {
  readonly added: readonly NewConflict[];
  /** What has become of others. The plan accounts for their versions then; those decided since they were read are left. */
  readonly renewed: readonly RenewedConflict[];
  /** What is told of those. */
  readonly events: readonly NewOperationEvent[];
  readonly ties: readonly PlanTie[];
  /** The rows go with nothing any more, but for these ties. */
  readonly loose: boolean;
}

export interface OpenConflicts {
  readonly count: bigint;
  readonly types: readonly ConflictType[];
  /** The explanation of the first. */
  readonly first: string | null;
}

export interface ListedConflict {
  readonly no: bigint;
  readonly id: string;
  /** Whose decision was applied to it because it is remembered. */
  readonly rememberedFrom: string | null;
  readonly explanation: string;
}

/** What of a plan is compared with a recorded moment, and how many of its rows are looked at together. */
export interface DependencyReads {
  readonly operationId: string;
  readonly graphId: number;
  readonly seq: bigint;
  readonly pageSize: number;
}

/** A node that the plan lets vanish, with a live relationship that it does not. */
export interface HangingRelationship {
  readonly node: NodeState;
  readonly relationship: RelationshipState;
}

/** A relationship that the plan brings back, with an end that would not be there. */
export interface MissingEnd {
  readonly relationship: RelationshipState;
  readonly end: string;
  readonly presence: 'VANISHING' | 'ABSENT';
  /** What it last was; null when no state is recorded. */
  readonly lastState: NodeState | null;
}

export interface ProofDifference extends EntityRef {
  readonly explained: boolean;
  readonly expected: EntityState | null;
  readonly actual: EntityState | null;
}

export interface GroupSize {
  readonly group: bigint;
  readonly size: number;
}

export interface PlanStore extends ConstrainedPlans {
  // ---- planning; @throws LeaseLostError
  /** Forgets rows, conflicts and differences. */
  reset(lease: OperationLease): Promise<void>;
  /**
   * Adds rows after those there are; an entity that has one keeps its place and gets the new content. All of it is stored, with the conflicts
   * that were found, or nothing.
   */
  put(lease: OperationLease, rows: readonly PlanRow[], found?: FoundConflicts): Promise<void>;
  /**
   * Marks the conflicts of entities, or all, as in question until planning finds them again. Returns the entities that are tied to them, were
   * left out, or wait, because of them: until these are planned again the plan is not whole. For all, nothing.
   */
  questionConflicts(lease: OperationLease, refs: readonly EntityRef[] | null): Promise<readonly EntityRef[]>;
  /** Ends the conflicts in question that were not found again: nothing is left to decide. Those decided meanwhile are left. */
  dropUnfound(lease: OperationLease): Promise<void>;
  /** Forgets rows and differences, and keeps the conflicts with their decisions. Until a step says otherwise the operation is `replanning`. */
  resetRows(lease: OperationLease): Promise<void>;
  /** Sets the state and reason of rows that are PENDING, and the conflict that they depend on. */
  setState(
    lease: OperationLease,
    refs: readonly (EntityRef & { readonly reason: string; readonly conflictId?: string | null })[],
    state: PlannedState,
  ): Promise<void>;
  /** Copies the rows and conflicts of another operation: all, or those that it left undone. */
  copy(lease: OperationLease, from: string, rows: 'ALL' | 'LEFT'): Promise<void>;
  /** Which of the entities are as they are in the plan because of decisions about others. */
  tied(operationId: string, refs: readonly EntityRef[]): Promise<readonly EntityRef[]>;

  /** To be called where what is about to be read in sets may have grown much since it was last looked at. */
  renewStatistics(): Promise<void>;

  // ---- dependencies, at a recorded moment
  /** Relationships that the plan leaves, on nodes that it lets vanish; all of a node's in one page. */
  hangingRelationships(reads: DependencyReads): AsyncIterable<readonly HangingRelationship[]>;
  /** Ends that relationships which come back would lack; all of a relationship's in one page. */
  missingEnds(reads: DependencyReads): AsyncIterable<readonly MissingEnd[]>;
  /**
   * Rows that a decision about another entity put into the plan, changed or left out, while that entity is not written: it is left out, open,
   * or nothing is left to do. In pages, in which one may be found more than once.
   */
  orphans(operationId: string, pageSize: number): AsyncIterable<readonly EntityRef[]>;
  /** Creations and deletions that were decided against. */
  skippedStructures(operationId: string): Promise<readonly EntityRef[]>;
  /** Creations and deletions, pending or decided against, without labels and properties. In pages. */
  structuralChanges(operationId: string, pageSize: number): AsyncIterable<readonly EntityChange[]>;
  /**
   * Puts a node's creation or deletion and those of its relationships into one group, and so entities between which unique values change
   * hands. @throws LeaseLostError
   */
  group(lease: OperationLease, constraints: readonly Constraint[]): Promise<void>;
  /** Groups of pending rows in order of their number. */
  groups(operationId: string): AsyncIterable<readonly GroupSize[]>;

  // ---- reading
  rows(operationId: string, refs: readonly EntityRef[]): Promise<readonly PlanRow[]>;
  /** Pending rows in the order of plan hashes. */
  hashRows(operationId: string): AsyncIterable<readonly PlanHashRow[]>;
  summary(operationId: string): Promise<ChangeSummary>;
  account(operationId: string, planHash: string): Promise<OperationAccount>;
  /** Pending rows of a range of groups in the order of writes. */
  writes(operationId: string, fromGroup: bigint, toGroup: bigint): Promise<readonly PlannedWrite[]>;
  /** How many rows of later groups are marked as written. */
  writtenAfter(operationId: string, group: bigint): Promise<bigint>;
  /** Written rows in pages, in no particular order. */
  written(operationId: string, pageSize: number): AsyncIterable<readonly Written[]>;
  /** Rows that were not written just as first planned: skipped, partly skipped, replanned, cascaded. In pages. */
  irregular(operationId: string, pageSize: number): AsyncIterable<readonly PlanRow[]>;
  openConflicts(operationId: string): Promise<OpenConflicts>;
  /** The number of the newest conflict; 0 when there is none. */
  lastConflict(operationId: string): Promise<bigint>;
  /** At most `limit` conflicts found after number `after`, in the order in which they were found. */
  conflicts(operationId: string, after: bigint, limit: number): Promise<readonly ListedConflict[]>;
  /** What is, was or would be written, in pages, in the order in which it was planned. */
  planned(operationId: string, pageSize: number): AsyncIterable<readonly PlanRow[]>;
  /** Planned entities (not the decided-against) that a transaction in (since, until] touched. At most `limit`, after `after`. */
  touchedSince(
    operationId: string,
    graphId: number,
    since: bigint,
    until: bigint,
    limit: number,
    after?: EntityRef | null,
  ): Promise<readonly EntityRef[]>;

  // ---- proof
  /** Those of one proof, in the place of what an earlier one found whose operation did not come to its end. */
  storeDifferences(lease: OperationLease, differences: readonly ProofDifference[]): Promise<void>;

  // ---- recording
  /** Where the values come from that an operation puts back. */
  originsFor(operationId: string, refs: readonly EntityRef[]): Promise<Map<string, Origins>>;
}
