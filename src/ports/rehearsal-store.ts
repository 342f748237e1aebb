import type { EntityRef, EntityState } from '../core/entities.ts';
import type { AuditFact } from './audit-log.ts';

export type RehearsalStatus = 'RUNNING' | 'DONE' | 'FAILED';

export interface RehearsalRecord {
  readonly id: string;
  /** The dry run whose plan is rehearsed. */
  readonly operationId: string;
  readonly graphId: number;
  readonly status: RehearsalStatus;
  readonly progress: number;
  readonly planHash: string;
  readonly requestedBy: string | null;
  /** The scratch graph that an earlier holder may have left. */
  readonly scratch: string | null;
  /** Of what ended: whether the scratch graph became what the plan says. */
  readonly matches: boolean | null;
  readonly errorMessage: string | null;
  readonly counts: RehearsalCounts;
}

export interface RehearsalCounts {
  /** Entities that the plan writes, entities that were copied, and written ones. */
  readonly planned: bigint;
  readonly copied: bigint;
  readonly applied: bigint;
}

export interface NewRehearsal {
  readonly id: string;
  readonly operationId: string;
  readonly graphId: number;
  readonly planHash: string;
  readonly planned: bigint;
  readonly requestedBy: string;
}

/** An entity that did not become what the plan says. */
export interface RehearsalDifference extends EntityRef {
  readonly expected: EntityState | null;
  readonly actual: EntityState | null;
}

export interface RehearsalStep {
  /** 0..100; a lower one than shown is ignored. */
  readonly progress: number;
  readonly scratch?: string;
  /** The moment whose states are copied. */
  readonly seq?: bigint;
  readonly copied?: bigint;
  readonly applied?: bigint;
}

export interface RehearsalEnd {
  readonly status: Exclude<RehearsalStatus, 'RUNNING'>;
  readonly matches: boolean | null;
  readonly checkedEntities: bigint;
  /** Hexadecimal; null when it did not come to the proof. */
  readonly expectedChecksum: string | null;
  readonly actualChecksum: string | null;
  readonly errorMessage: string | null;
}

/** Rehearsals are leased to the instance that runs them; what it does without the lease changes nothing. */
export interface RehearsalStore {
  create(rehearsal: NewRehearsal, audit: AuditFact): Promise<void>;
  get(id: string): Promise<RehearsalRecord | null>;
  /** The rehearsal of an operation that has not ended, if there is one. */
  running(operationId: string): Promise<string | null>;
  /** Takes up a rehearsal that has not ended, forgetting what an earlier holder found. Null when it ended or another's lease is alive. */
  acquire(id: string, holder: string, ttlMs: number): Promise<RehearsalRecord | null>;
  /** @returns false when the lease was lost */
  renew(id: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Gives the lease back. */
  release(id: string, holder: string): Promise<void>;
  /** Lets go of every lease: for a database that no other process can have open. */
  forgetLeases(): Promise<void>;
  /** @returns false when the lease was lost */
  advance(id: string, holder: string, step: RehearsalStep): Promise<boolean>;
  /** Numbered from `firstNo` on. @returns false when the lease was lost */
  addDifferences(
    id: string,
    holder: string,
    firstNo: bigint,
    differences: readonly RehearsalDifference[],
  ): Promise<boolean>;
  /** Ends it; its scratch graph is nobody's from then on. @returns false when the lease was lost */
  finish(id: string, holder: string, end: RehearsalEnd, audit: AuditFact): Promise<boolean>;
  /** Rehearsals that should be running and that nobody runs. */
  abandoned(limit: number): Promise<readonly string[]>;
  /** Which of these scratch graphs belong to rehearsals that have not ended. */
  inUse(scratches: readonly string[]): Promise<ReadonlySet<string>>;
}
