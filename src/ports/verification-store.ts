import type { EntityChange, EntityRef } from '../core/entities.ts';
import type { AuditFact } from './audit-log.ts';

export interface VerificationRecord {
  readonly id: string;
  readonly graphId: number;
  readonly status: 'RUNNING' | 'DONE' | 'FAILED';
  readonly progress: number;
  readonly entitiesChecked: bigint;
  readonly matches: boolean | null;
  readonly transactionSeq: bigint | null;
  readonly errorMessage: string | null;
}

export interface VerificationEnd {
  readonly status: 'DONE' | 'FAILED';
  readonly matches: boolean | null;
  readonly entitiesChecked: bigint;
  /** The transaction that recorded the differences. */
  readonly transactionSeq: bigint | null;
  readonly errorMessage: string | null;
}

/** Verifications are leased to the instance that runs them; what it does without the lease changes nothing. */
export interface VerificationStore {
  /** @returns false when the graph has one already that has not ended */
  create(id: string, graphId: number, audit: AuditFact): Promise<boolean>;
  get(id: string): Promise<VerificationRecord | null>;
  /** The verification of a graph that has not ended, if there is one. */
  running(graphId: number): Promise<string | null>;
  /** Takes up a verification that has not ended, forgetting what an earlier holder found. @returns false when another's lease is alive */
  acquire(id: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Lets go of it, for whoever takes it up next. */
  release(id: string, holder: string): Promise<void>;
  /** Verifications that have not ended and that nobody runs, the oldest first. */
  abandoned(limit: number): Promise<readonly string[]>;
  /** Reports progress (0..100) and renews the lease. @returns false when the lease was lost */
  advance(id: string, holder: string, ttlMs: number, progress: number, checked: bigint): Promise<boolean>;
  /** Numbered from `firstNo` on. `before` is what history had, `after` what the graph holds. */
  addDifferences(id: string, firstNo: bigint, differences: readonly EntityChange[]): Promise<void>;
  /** By kind and key, at most `limit` after `after`. */
  differences(id: string, after: EntityRef | null, limit: number): Promise<readonly EntityChange[]>;
  /** @returns false when the lease was lost */
  finish(id: string, holder: string, end: VerificationEnd, audit: AuditFact): Promise<boolean>;
}
