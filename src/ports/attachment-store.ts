import type { CaptureMode } from '../core/errors.ts';
import type { AuditFact } from './audit-log.ts';
import type { RecorderLease } from './history.ts';

/**
 * Where the recording of what a graph held when it was attached has come to: its pages; then, when history had the graph before, what is in
 * history and not in the graph any more; then the writes that came meanwhile.
 */
export type BaselinePhase = 'PAGES' | 'GONE' | 'LAST' | 'DONE';

export interface AttachmentRecord {
  readonly graphId: number;
  readonly storeId: string;
  /** BASELINE the first time. RECONCILE when history has the graph from an earlier attachment, which stays reachable. */
  readonly source: 'BASELINE' | 'RECONCILE';
  readonly phase: BaselinePhase;
  /** Opaque; of the phase. */
  readonly cursor: string | null;
  /** Entities looked at, of about how many. */
  readonly seen: bigint;
  readonly total: bigint;
  /** The head when the keys were taken away: nothing before it can be put back in place. */
  readonly keysRemovedSeq: bigint | null;
  /** What was last written into the graph to know it by, and what is about to be. */
  readonly stamp: string | null;
  readonly nextStamp: string | null;
}

export interface BaselineStep {
  readonly phase: BaselinePhase;
  readonly cursor: string | null;
  readonly seen: bigint;
  /** 0..100, as `Graph.capture` shows it. */
  readonly progress: number;
}

/** The last detaching of a graph, until nothing is left of it there. */
export interface EndedAttachment {
  /** Of this detaching. */
  readonly token: bigint;
  /** SHA-256 of the secret of its capture. Null when it had none. */
  readonly secretHash: string | null;
  /** What the graph may be stamped with, unless it is attached again. */
  readonly stamps: readonly string[];
  /** Whether keys are still to be removed. */
  readonly removeKeys: boolean;
  /** Since the graph was detached, in milliseconds. */
  readonly ageMs: number;
}

/** Which graphs are attached, and how far their baselines are. */
export interface AttachmentStore {
  /** Null for a graph that was never attached. */
  get(graphId: number): Promise<AttachmentRecord | null>;
  /**
   * Marks a graph whose capture is OFF as attached: its baseline begins, in a new epoch when it has history already.
   * @returns false when it is attached already
   */
  begin(graphId: number, attachment: { storeId: string; total: bigint }, audit: AuditFact): Promise<boolean>;
  /** Notes that another store answers now. */
  noteStore(graphId: number, storeId: string): Promise<void>;
  /** @throws StaleTokenError when the lease was taken over */
  advance(lease: RecorderLease, step: BaselineStep): Promise<void>;
  /** The baseline is complete. @throws StaleTokenError when the lease was taken over, or the graph was detached */
  finish(lease: RecorderLease, mode: Exclude<CaptureMode, 'OFF' | 'BASELINE'>): Promise<void>;
  /** Notes which stamp is about to be written into the graph, then that it was. */
  noteStamp(graphId: number, stamp: { readonly next: string } | { readonly written: string }): Promise<void>;
  /**
   * Marks a graph as detached, takes the right to record away from whoever has it, forgets the secret of its capture, and ends its verification.
   * That it was is kept, for `ended`.
   * @returns false when it was OFF already
   */
  end(graphId: number, audit: AuditFact, removeKeys?: boolean): Promise<boolean>;
  /** Null when nothing can be left in the graph of an attachment before. */
  ended(graphId: number): Promise<EndedAttachment | null>;
  /** The keys are removed that were to be. */
  noteKeysRemoved(graphId: number): Promise<void>;
  /** Nothing is left of what ended, unless it was another detaching. */
  forgetEnded(graphId: number, token: bigint): Promise<void>;
  /** Notes that keys are about to be removed: what is recorded cannot be told to be about the entities of the graph after that. */
  forgetKeys(graphId: number): Promise<void>;
}
