/** Who did what, kept for ever and in order. */

export interface AuditFact {
  /** Upper snake case: POINT_CREATED. */
  readonly type: string;
  /** JSON. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly actor: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly pointId: string | null;
  readonly operationId: string | null;
  readonly sessionId?: string | null;
}

export interface AuditCheck {
  readonly entries: bigint;
  /** The first entry that was changed, or that follows a missing one. Null when the chain holds. */
  readonly brokenAt: bigint | null;
}

/** An append-only log whose entries are chained by hash. Stores write most entries themselves, with what the entry speaks of. */
export interface AuditLog {
  append(facts: readonly AuditFact[]): Promise<void>;
  /** Recomputes every hash. Reads the whole log. */
  verify(): Promise<AuditCheck>;
}
