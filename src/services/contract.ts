import type { ConflictChoice } from '../core/conflict-choice.ts';
import type { EntityChange, EntityKind, EntityRef, EntityState, RelationshipState } from '../core/entities.ts';
import type { At, ChangeSummary, Moment, Page, PageRequest } from '../core/moments.ts';
import type { ConflictPolicy } from '../core/policy.ts';
import type { Scope } from '../core/scope.ts';
import type { GraphWrite } from '../core/writes.ts';
import type { ConflictSelection } from '../ports/conflict-store.ts';
import type {
  DiffPosition,
  GraphRecord,
  RecordedChange,
  RecordedTransaction,
  TransactionFilter,
} from '../ports/history.ts';
import type { StoredOperationEvent } from '../ports/operation-events.ts';
import type { SchemaPlace, SchemaReading } from '../ports/schema-readings.ts';

/**
 * The service layer as the edges (GraphQL, REST, CLI) see it. Records that are plain rows (points, operations, conflicts,
 * sessions, events) are read by the edge straight from the store; whatever decides, writes or computes goes through here.
 * Ids are database ids (UUIDs), graph names are names. Everything throws the errors of core/errors.ts.
 */
export interface Services {
  readonly graphs: GraphReader;
  readonly writer: GraphWriter;
  readonly sessions: SessionManager;
  readonly snapshots: SnapshotManager;
  readonly archives: Archiver;
  readonly diffs: DiffEngine;
  readonly schemas: SchemaReader;
  readonly rollbacks: RollbackManager;
  readonly verifier: Verifier;
  readonly rehearsals: Rehearser;
  readonly attacher: GraphAttacher;
  readonly feeds: Feeds;
}

/** Who asks. */
export interface Caller {
  readonly actor: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

export interface Idempotent {
  readonly idempotencyKey?: string | null | undefined;
}

// ------------------------------------------------------------------ reading

export interface GraphReader {
  list(): Promise<readonly GraphRecord[]>;
  /** @throws NotFoundError */
  byName(name: string): Promise<GraphRecord>;
  byId(id: number): Promise<GraphRecord>;
  earliest(graphId: number): Promise<Moment>;
  /** What waits to be recorded. */
  captureLag(graphId: number): Promise<{ pending: bigint; lagMs: number | null }>;
  /** What keeps this instance from serving or recording the graph, if anything does. */
  trouble(graphId: number): string | null;
  /**
   * The cut that `at` names. LIVE waits until everything that committed before the call is recorded, and is the head then.
   * @throws InvalidInputError naming `path` for a moment in the future or a point of another graph, HistoryDroppedError before capture began,
   * NotFoundError for an unknown point, StateError for an expired one.
   */
  resolve(graphId: number, at: At, path: readonly string[]): Promise<Moment>;
  statesAt(graphId: number, seq: bigint, refs: readonly EntityRef[]): Promise<Map<string, EntityState>>;
  scanAt(
    graphId: number,
    seq: bigint,
    filter: { kind: EntityKind; label?: string; type?: string; where?: { name: string; value: unknown } },
    page: PageRequest<string>,
  ): Promise<Page<EntityState>>;
  incidentAt(
    graphId: number,
    seq: bigint,
    nodeKeys: readonly string[],
    filter: { direction: 'IN' | 'OUT' | 'BOTH'; types?: readonly string[] },
    page: PageRequest<string>,
  ): Promise<Page<RelationshipState>>;
  /** Nodes within `hops`, nearest first, at most `limit` nodes, and the relationships among them; how many were left out. */
  neighbourhood(
    graphId: number,
    seq: bigint,
    query: {
      keys: readonly string[];
      hops: number;
      types?: readonly string[];
      direction: 'IN' | 'OUT' | 'BOTH';
      limit: number;
    },
  ): Promise<Subgraph>;
  transactions(
    graphId: number,
    filter: TransactionFilter & { scope?: Scope },
    page: PageRequest<bigint>,
  ): Promise<Page<RecordedTransaction>>;
  /** What one transaction did, in scope. */
  changesOf(
    graphId: number,
    seq: bigint,
    scope: Scope | null,
    page: PageRequest<EntityRef>,
  ): Promise<Page<RecordedChange>>;
  changes(
    graphId: number,
    filter: TransactionFilter & { kind?: EntityKind; action?: 'CREATED' | 'UPDATED' | 'DELETED'; scope?: Scope },
    page: PageRequest<DiffPosition>,
  ): Promise<Page<RecordedChange>>;
}

export interface SubgraphEntity {
  readonly state: EntityState;
  readonly change: EntityChange | null;
}

/** Both ends of every relationship are among the nodes. */
export interface Subgraph {
  readonly nodes: readonly SubgraphEntity[];
  readonly relationships: readonly SubgraphEntity[];
  readonly omittedNodes: bigint;
  readonly omittedRelationships: bigint;
}

export interface DiffEngine {
  /** Resolves both ends once; everything read from the result speaks of the same two cuts. `to` absent: live. */
  between(graphId: number, from: At, to: At | null, scope: Scope | null): Promise<DiffView>;
  /** For callers that hold resolved moments. */
  at(graphId: number, from: Moment, to: Moment, scope: Scope | null): DiffView;
}

export interface DiffView {
  readonly graphId: number;
  readonly from: Moment;
  readonly to: Moment;
  readonly scope: Scope | null;
  summary(): Promise<ChangeSummary>;
  changes(
    filter: { kind?: EntityKind; action?: 'CREATED' | 'UPDATED' | 'DELETED'; label?: string },
    page: PageRequest<DiffPosition>,
  ): Promise<Page<EntityChange & { position: DiffPosition }>>;
  subgraph(limit: number): Promise<Subgraph>;
}

export interface SchemaReader {
  /** What was read of the schema at each place, by one statement; null where nobody had read it by then. @throws LimitError */
  find(graphId: number, places: readonly SchemaPlace[]): Promise<readonly (SchemaReading | null)[]>;
  /** Reads the schema of the live graph. @throws CaptureError, LimitError */
  live(graphId: number): Promise<SchemaReading>;
}

// ------------------------------------------------------------------ writing

export interface GraphWriter {
  /** One graph transaction, all or nothing. `transaction` null when nothing changed. keys[i] belongs to changes[i]. */
  write(
    caller: Caller,
    input: Idempotent & {
      graph: string;
      session?: string | null;
      actor?: string | null;
      changes: readonly GraphWrite[];
    },
  ): Promise<{
    changed: boolean;
    transaction: { graphId: number; seq: bigint } | null;
    keys: readonly string[];
  }>;
}

export interface SessionManager {
  /** Returns the session's id. With a point of origin SESSION unless `point` is false. */
  open(
    caller: Caller,
    input: Idempotent & {
      graph: string;
      name?: string | null;
      actor?: string | null;
      label?: string | null;
      point: boolean;
    },
  ): Promise<string>;
  /** With `rollback`, also starts the undo of the session; see Session.rollback. */
  close(caller: Caller, input: Idempotent & { id: string; rollback: boolean; policy: ConflictPolicy }): Promise<string>;
  /** Sessions that wrote within the last minutes and are open. */
  isPresent(session: { closedAt: Date | null; lastWriteAt: Date | null; openedAt: Date }): boolean;
}

export interface SnapshotManager {
  create(
    caller: Caller,
    input: Idempotent & {
      graph: string;
      name: string;
      description?: string | null;
      at?: At | null;
      expiresAt?: Date | null;
      held?: boolean | null;
      session?: string | null;
      metadata?: unknown;
      archive: boolean;
    },
  ): Promise<string>;
  update(
    caller: Caller,
    input: { id: string; name?: string; description?: string | null; expiresAt?: Date | null; held?: boolean },
  ): Promise<string>;
  /** Tombstones the point. @throws StateError when it is held or an operation in flight targets it. */
  delete(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  /** Recomputes the checksum from history and reads every archive back; the point ends VALID, or INVALID with what is damaged named. */
  validate(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
}

export type ArchiveInput = Idempotent & { id: string; scope?: Scope | null };

export interface Archiver {
  /**
   * Begins to write the state at a point, or what a scope covers of it, into the blob store; returns the point's id. Asked again for what is being
   * written, or is there undamaged, it does nothing.
   * @throws NotFoundError; StateError for a point that cannot be archived now; InvalidInputError when the scope matches nothing; LimitError
   */
  begin(caller: Caller, input: ArchiveInput): Promise<string>;
}

// ------------------------------------------------------------------ rollback

/** What to take back. Exactly one of `to` (restore) and `undo`. */
export interface RollbackRequest extends Idempotent {
  readonly graph: string;
  readonly to?: At | null;
  readonly undo?: UndoRequest | null;
  readonly scope?: Scope | null;
  readonly dryRun: boolean;
  readonly strategy: 'IMMEDIATE' | 'GRADUAL';
  readonly policy: ConflictPolicy;
  readonly batchSize?: number | null;
  readonly maxChangesPerSecond?: number | null;
  readonly includeSchema: boolean;
  readonly reason?: string | null;
}

/** `from` is required with actor and everyone; it is exclusive, `until` inclusive. `session` and `operation` are ids; `sessionName` a name. */
export interface UndoRequest {
  readonly by:
    | { readonly session: string }
    | { readonly actor: string }
    | { readonly operation: string }
    | { readonly transactions: readonly bigint[] }
    | { readonly everyone: true };
  readonly from?: At | null;
  readonly until?: At | null;
}

export interface ResolutionInput {
  readonly conflict: string;
  readonly choice: ConflictChoice;
  /** The version that was seen: another one means that somebody decided, or that the graph moved on. */
  readonly expectVersion: number;
  readonly expectLive?: string | null | undefined;
  /** Later operations decide the same way. Only for the choice of a side. */
  readonly remember: boolean;
}

export interface BulkResolution {
  readonly where: ConflictSelection;
  readonly choice: ConflictChoice;
  readonly expectCount: bigint;
}

/** Exactly one of a list that is not empty and `all`. */
export interface ResolveInput extends Idempotent {
  readonly operation: string;
  readonly resolutions: readonly ResolutionInput[];
  readonly all?: BulkResolution | null | undefined;
}

export interface RollbackManager {
  /** Returns the operation's id at once; the work is a job. */
  request(caller: Caller, input: RollbackRequest): Promise<string>;
  /** A new operation that runs by a completed dry run's plan. */
  execute(
    caller: Caller,
    input: Idempotent & {
      id: string;
      expectPlan: string;
      strategy: 'IMMEDIATE' | 'GRADUAL';
      batchSize?: number | null;
      maxChangesPerSecond?: number | null;
    },
  ): Promise<string>;
  abort(caller: Caller, input: Idempotent & { id: string; reason?: string | null }): Promise<string>;
  /**
   * Decides conflicts of an operation that waits, or of a finished preview, whose plan is brought in line. When none is open any more, the
   * operation goes on. Returns the operation's id.
   */
  resolve(caller: Caller, input: ResolveInput): Promise<string>;
  /** Stops a gradual operation after the batch in hand, until it is continued. */
  pause(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  continue(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  /** A new operation that does what one left which was interrupted or failed part way. */
  resume(caller: Caller, input: Idempotent & { id: string; policy: ConflictPolicy | null }): Promise<string>;
  /** Removes a remembered decision. Returns its id. */
  forgetRule(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  /** Undoes a rollback that wrote something: an ordinary undo of its transactions. */
  undo(caller: Caller, input: Idempotent & { id: string; policy: ConflictPolicy }): Promise<string>;
  /** Draws the plan: planned changes and what ties them together. */
  planSubgraph(operationId: string, limit: number): Promise<Subgraph>;
}

export type AttachInput = Idempotent & { graph: string };
export type DetachInput = Idempotent & { graph: string; removeKeys: boolean };

export interface GraphAttacher {
  /** Begins to capture a configured graph; returns its name at once, the baseline goes on. @throws CaptureError that says what to set, and how */
  attach(caller: Caller, input: AttachInput): Promise<string>;
  /** Ends capture and removes what is ours from the graph; history stays. @throws CaptureError */
  detach(caller: Caller, input: DetachInput): Promise<string>;
}

export type VerifyInput = Idempotent & { graph: string };

export interface Verifier {
  /** Begins a full comparison of the live graph with history; returns the verification's id. */
  begin(caller: Caller, input: VerifyInput): Promise<string>;
}

export type RehearseInput = Idempotent & { id: string };

export interface Rehearser {
  /** Begins to run the plan of a completed dry run on a scratch copy of what it touches; returns the rehearsal's id. */
  begin(caller: Caller, input: RehearseInput): Promise<string>;
}

// ------------------------------------------------------------------ live

/** Stored rows first, notices second: each feed replays from its cursor and then follows. */
export interface Feeds {
  /** Ends when the operation has ended and its last event was delivered. `after` is an event seq of the operation. */
  operationEvents(operationId: string, after: bigint, signal: AbortSignal): AsyncIterable<StoredOperationEvent>;
  graphEvents(graphId: number, after: bigint, signal: AbortSignal): AsyncIterable<StoredOperationEvent>;
  transactions(
    graphId: number,
    after: bigint,
    sessionId: string | null,
    signal: AbortSignal,
  ): AsyncIterable<RecordedTransaction>;
  /** Wakes on every change of the point (or of capture); the edge reads the row. Ends when the point is in a resting state. */
  pointChanges(pointId: string, signal: AbortSignal): AsyncIterable<void>;
  captureChanges(graphId: number, signal: AbortSignal): AsyncIterable<void>;
}
