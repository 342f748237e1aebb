import type {
  EntityChange,
  EntityId,
  EntityKind,
  EntityRef,
  EntityState,
  RelationshipState,
} from '../core/entities.ts';
import type { CaptureMode } from '../core/errors.ts';
import type { ChangeSummary, Moment, Page, PageRequest, TransactionSource } from '../core/moments.ts';
import type { CurrentVersion, HistoryEntry, VersionEntry } from '../core/recording-types.ts';
import type { RecordedVersion, UndoSet } from '../core/undo-set.ts';

export type { CurrentVersion, HistoryEntry, VersionEntry };

/** A newest stored version by its hash (null: deleted). */
export type CurrentMark = Omit<CurrentVersion, 'state'>;

/** Recorded history: what happened to each graph, in order. The one adapter keeps it in PostgreSQL. */

/** A graph's row: identity and the head of its history. Point creation reads nothing else. */
export interface GraphRecord {
  readonly id: number;
  readonly name: string;
  readonly kind: 'EMBEDDED' | 'NEO4J';
  readonly captureMode: CaptureMode;
  readonly captureError: string | null;
  /** How often capture was found to have a gap. */
  readonly gaps: bigint;
  readonly captureProgress: number;
  readonly reconciled: bigint;
  readonly epoch: number;
  readonly head: Moment;
  readonly nodeCount: bigint;
  readonly relationshipCount: bigint;
  readonly checksum: Uint8Array;
}

export interface RecordedTransaction extends Moment {
  readonly graphId: number;
  readonly actor: string | null;
  readonly sessionId: string | null;
  readonly source: TransactionSource;
  readonly operationId: string | null;
  readonly epoch: number;
  readonly cut: boolean;
  readonly changeCount: bigint;
  readonly summary: ChangeSummary;
  readonly nodeCount: bigint;
  readonly relationshipCount: bigint;
  readonly checksum: Uint8Array;
}

/** The right to record, fenced by its token: an append with an older token is refused. */
export interface RecorderLease {
  readonly graphId: number;
  readonly holder: string;
  readonly token: bigint;
}

export interface TransactionFilter {
  readonly sessionId?: string | undefined;
  readonly actor?: string | undefined;
  readonly sources?: readonly TransactionSource[] | undefined;
  readonly operationId?: string | undefined;
  /** exclusive */
  readonly since?: bigint | undefined;
  /** inclusive */
  readonly until?: bigint | undefined;
}

/** A net change between two moments; `position` is its place in the fixed order of the diff. */
export interface DiffEntry extends EntityChange {
  readonly position: DiffPosition;
}

/** Diffs are ordered by the seq of the last change, then kind, then key. */
export interface DiffPosition {
  readonly seq: bigint;
  readonly kind: EntityKind;
  readonly key: string;
}

/** Where a list that is read together with others goes on. */
export interface ListBounds<Position> {
  readonly after?: Position | undefined;
  readonly before?: Position | undefined;
}

/** What all lists that are read together have in common. `limit` is that of each. */
export type ListPage = Pick<PageRequest<never>, 'limit' | 'backwards'>;

/** The net changes from one seq to a later one, or those of them within bounds. */
export interface DiffSpan extends ListBounds<DiffPosition> {
  readonly from: bigint;
  readonly to: bigint;
}

/** The changes of one transaction, or those of them within bounds. */
export interface TransactionSpan extends ListBounds<EntityRef> {
  readonly seq: bigint;
}

/** Where a cut is looked for, inclusive. */
export type CutBound = { readonly seq: bigint } | { readonly time: Date };

/** An entity at a moment. */
export interface EntityPlace extends EntityRef {
  readonly seq: bigint;
}

/** Net changes counted up to a bound. `last`: the last one that was counted when there may be more after it. */
export interface CountedChanges {
  readonly summary: ChangeSummary;
  readonly last: DiffPosition | null;
}

/** A change as one transaction made it. */
export interface RecordedChange extends EntityChange {
  readonly seq: bigint;
}

export interface EntityTimelineEntry {
  readonly from: Moment;
  readonly to: Moment | null;
  readonly state: EntityState | null;
}

export type NewCaptureProblem = Pick<CaptureProblem, 'kind' | 'message' | 'key'>;

export interface CaptureProblem {
  readonly id: bigint;
  readonly at: Date;
  readonly kind: string;
  readonly message: string;
  readonly key: string | null;
}

export interface History {
  // ---- graphs
  /** The graph's record, made with an empty baseline (seq 0, now) when it is new. */
  openGraph(name: string, kind: 'EMBEDDED' | 'NEO4J'): Promise<GraphRecord>;
  graph(id: number): Promise<GraphRecord | null>;
  graphByName(name: string): Promise<GraphRecord | null>;
  graphsById(ids: readonly number[]): Promise<Map<number, GraphRecord>>;
  /** What is recorded from now on is of a new epoch. */
  beginEpoch(id: number): Promise<void>;
  /**
   * Sets the capture error, ends the epoch and lists `problems`, all at once, unless there is an error already. `isNew`: it is counted as a gap
   * of its own.
   * @returns whether this call set the error
   */
  beginGap(id: number, error: string, isNew: boolean, problems: readonly NewCaptureProblem[]): Promise<boolean>;
  /** Lifts the capture error, unless more gaps than `gaps` were counted. @returns whether it did */
  endGap(id: number, gaps: bigint): Promise<boolean>;
  addCaptureProblems(id: number, problems: readonly NewCaptureProblem[]): Promise<void>;
  captureProblems(id: number, page: PageRequest<bigint>): Promise<Page<CaptureProblem>>;

  // ---- recording
  /** Null while another holder's lease is alive. A holder's own lease is renewed. */
  acquireLease(graphId: number, holder: string, ttlMs: number): Promise<RecorderLease | null>;
  releaseLease(lease: RecorderLease): Promise<void>;
  /**
   * The newest stored version of each entity, in slices of an unfinished transaction too: for the recorder. Deleted entities are there
   * with state null, never recorded ones are missing.
   */
  current(graphId: number, refs: readonly EntityRef[]): Promise<Map<EntityId, CurrentVersion>>;
  /** As `current`, without the states: what tells whether a change continues what is stored. */
  currentMarks(graphId: number, refs: readonly EntityRef[]): Promise<Map<EntityId, CurrentMark>>;
  /** Which of these nodes exist in what is stored so far. */
  presentNodes(graphId: number, keys: readonly string[]): Promise<Set<string>>;
  /**
   * Relationships in what is stored so far, other than `except`, with an end among `nodeKeys` or the nodes that an unfinished
   * transaction deletes. At most `limit`.
   */
  leftBehind(
    graphId: number,
    nodeKeys: readonly string[],
    except: readonly string[],
    limit: number,
  ): Promise<RelationshipState[]>;
  /** Which of the feed ids are recorded already. */
  known(graphId: number, feedIds: readonly string[]): Promise<Set<string>>;
  /** Drops the rows of a transaction whose slices were only partly stored when a recorder died. */
  discardPartial(lease: RecorderLease): Promise<void>;
  /**
   * Stores entries in order, in one database transaction; the head moves when an entry's `last` slice is stored. A transaction's time is
   * never before its predecessor's. Entries whose feedId is recorded already are passed over; a `first` slice replaces what is stored of an
   * unfinished transaction. Versions of RECONCILE count as reconciled; the last BASELINE transaction is the earliest moment.
   * @returns the transactions that were completed
   * @throws StaleTokenError when the lease was taken over, or the entries do not follow what is stored
   */
  append(lease: RecorderLease, entries: readonly HistoryEntry[]): Promise<readonly RecordedTransaction[]>;

  // ---- moments
  earliest(graphId: number): Promise<Moment>;
  /** For each seq or time the newest cut at or before it. Null when there is none. */
  cutsAt(graphId: number, bounds: readonly CutBound[]): Promise<readonly (RecordedTransaction | null)[]>;
  /** Recorded transactions by the id that capture gave them. */
  transactionsByFeedId(graphId: number, ids: readonly string[]): Promise<Map<string, RecordedTransaction>>;
  transactionsBySeq(graphId: number, seqs: readonly bigint[]): Promise<Map<bigint, RecordedTransaction>>;
  /** In order of seq. */
  transactions(
    graphId: number,
    filter: TransactionFilter,
    page: PageRequest<bigint>,
  ): Promise<Page<RecordedTransaction>>;
  /** The same page of each session's transactions up to `until`, in order of seq. */
  transactionsOfSessions(
    graphId: number,
    sessionIds: readonly string[],
    until: bigint,
    page: PageRequest<bigint>,
  ): Promise<Map<string, Page<RecordedTransaction>>>;
  /** Sums of what the transactions in (since, until] did, per actor and session, ordered by both with null last. BASELINE left out. */
  contributions(
    graphId: number,
    since: bigint,
    until: bigint,
    page: PageRequest<{ actor: string | null; sessionId: string | null }>,
  ): Promise<Page<{ actor: string | null; sessionId: string | null; transactions: bigint; summary: ChangeSummary }>>;
  /** What each session's transactions did, in sum. An unknown session did nothing. */
  sessionSummaries(sessionIds: readonly string[]): Promise<Map<string, ChangeSummary>>;

  // ---- states
  /** States at `seq`; entities absent then are missing from the map. */
  statesAt(graphId: number, seq: bigint, refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>>;
  /** The state at each place; null where the entity is absent. */
  statesAtPlaces(graphId: number, places: readonly EntityPlace[]): Promise<readonly (EntityState | null)[]>;
  /** Entities present at `seq` in key order. */
  scanAt(
    graphId: number,
    seq: bigint,
    filter: { kind: EntityKind; label?: string | undefined; type?: string | undefined },
    page: PageRequest<string>,
  ): Promise<Page<EntityState>>;
  /** Relationships present at `seq` with an end in `nodeKeys`, in key order. */
  incidentAt(
    graphId: number,
    seq: bigint,
    nodeKeys: readonly string[],
    filter: { direction: 'IN' | 'OUT' | 'BOTH'; types?: readonly string[] | undefined },
    page: PageRequest<string>,
  ): Promise<Page<RelationshipState>>;
  /** The same page of each entity's versions, newest first. */
  timelines(
    graphId: number,
    refs: readonly EntityRef[],
    page: PageRequest<bigint>,
  ): Promise<Map<EntityId, Page<EntityTimelineEntry>>>;
  /** Labels (L) or relationship types (T) of the live graph with counts, by name. */
  names(graphId: number, kind: 'L' | 'T', page: PageRequest<string>): Promise<Page<{ name: string; count: bigint }>>;

  // ---- changes
  /** For each span what its transaction did, by kind and key. */
  changesOf(
    graphId: number,
    spans: readonly TransactionSpan[],
    page: ListPage,
  ): Promise<readonly Page<RecordedChange>[]>;
  /** Changes of all transactions that pass the filter, in order of seq, kind, key. */
  changes(
    graphId: number,
    filter: TransactionFilter & { kind?: EntityKind | undefined },
    page: PageRequest<DiffPosition>,
  ): Promise<Page<RecordedChange>>;
  /** For each span its net changes, changed-and-changed-back entities left out. Cost by what changed, never by the size of the graph. */
  diffs(
    graphId: number,
    spans: readonly DiffSpan[],
    filter: { kind?: EntityKind | undefined },
    page: ListPage,
  ): Promise<readonly Page<DiffEntry>[]>;
  /** For each span its first `limit` net changes, counted. */
  countDiffs(graphId: number, spans: readonly DiffSpan[], limit: number): Promise<readonly CountedChanges[]>;

  // ---- planning
  /** Which of `seqs` belong to the undo set. */
  members(graphId: number, set: UndoSet, seqs: readonly bigint[]): Promise<Set<bigint>>;
  /** The first and last transaction of the set, and how many there are. Null when it is empty. */
  extentOf(graphId: number, set: UndoSet): Promise<{ first: bigint; last: bigint; transactions: bigint } | null>;
  /** Entities that transactions of the set touched, each once: `position` is the first touch, in order of seq, kind, key. */
  touchedBy(graphId: number, set: UndoSet, page: PageRequest<DiffPosition>): Promise<Page<{ position: DiffPosition }>>;
  /** Per entity: the version valid at `from` (if any), then every version in (from, to], in order. */
  windowVersions(
    graphId: number,
    refs: readonly EntityRef[],
    from: bigint,
    to: bigint,
  ): Promise<Map<EntityId, readonly RecordedVersion[]>>;
}
