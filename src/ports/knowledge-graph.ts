import type {
  EntityChange,
  EntityId,
  EntityKind,
  EntityRef,
  EntityState,
  RelationshipState,
} from '../core/entities.ts';
import type { TransactionSource } from '../core/moments.ts';
import type { CapturedTransaction } from '../core/recording-types.ts';
import type { SchemaItem } from '../core/schema-changes.ts';
import type { GraphConstraints } from './graph-constraints.ts';

export type { CapturedTransaction };

/** Who writes, and on whose behalf. Travels inside the graph's transaction and comes back with what was captured. */
export interface WriteContext {
  /** A fresh UUID: becomes the id of the captured transaction, so that the writer can find what history made of it. */
  readonly id: string;
  readonly source: Extract<TransactionSource, 'API' | 'ROLLBACK'>;
  readonly actor: string | null;
  /** A session id. */
  readonly session: string | null;
  /** The rollback operation, when source is ROLLBACK. */
  readonly operation: string | null;
}

/** One open transaction of the graph. Every entity that is written must have been locked in it first. */
export interface GraphTransaction {
  /** Locks entities and reads them; what does not exist is absent from the map (and its creation by others is not prevented; the write fails then). */
  lock(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>>;
  /** Locks and reads every relationship with an end in `nodeKeys`. @throws LimitError above `limit` relationships. */
  lockIncident(nodeKeys: readonly string[], limit: number): Promise<RelationshipState[]>;
  /**
   * Writes net changes in the order that keeps the graph whole: relationships deleted, nodes deleted, nodes created, nodes updated,
   * relationships created, relationships updated. `before` must be what `lock` returned.
   * @throws ConstraintError when the graph refuses (missing end, relationships left on a deleted node, key taken, a value that it cannot keep);
   * `refused` says which entity, wherever that is known.
   */
  write(changes: readonly EntityChange[]): Promise<void>;
  /** Locks the operation's marker. Null when it has none yet. @throws StaleTokenError when the marker holds a newer token. */
  claimMarker(operation: string, token: bigint): Promise<Marker | null>;
  /** Stores how far the operation came, in the same transaction as its writes. */
  setMarker(operation: string, marker: Marker): Promise<void>;
}

export interface Marker {
  readonly token: bigint;
  readonly batch: bigint;
}

/** Another instance with a newer lease has written since: this one must stop. */
export class StaleTokenError extends Error {
  override readonly name = 'StaleTokenError';
}

/** What waits to be recorded has changed while it was read: the scan has to be made anew. */
export class FeedChangedError extends Error {
  override readonly name = 'FeedChangedError';
}

/** Committed transactions that are not recorded yet, with the earliest and the latest commit time among them. */
export interface Pending {
  readonly transactions: bigint;
  readonly changes: bigint;
  readonly oldest: Date | null;
  readonly newest: Date | null;
}

export interface CaptureFinding {
  readonly kind: string;
  readonly message: string;
  readonly key: string | null;
  /** True when recorded history may have missed writes: the epoch ends. */
  readonly gap: boolean;
  /** Set when it is over, because attaching repaired it: reported until `settleIncidents`. */
  readonly incident?: string;
}

/**
 * What this instance has come across while it read the graph, such as a key that somebody changed. Nobody else knows it until it is stored:
 * a gap is to be stored before the transaction that showed it is acknowledged.
 */
export interface CaptureNotices {
  all(): readonly CaptureFinding[];
  /** These, which `all` told of, are stored. */
  forget(stored: readonly CaptureFinding[]): void;
}

export type { SchemaItem };

/** How writes to a graph are noticed: as they happen, only when it is compared as a whole, or not at all. */
export type GraphCapture = 'CONTINUOUS' | 'SCAN' | 'OFF';

/** What attaching found and made. */
export interface Attachment {
  readonly mode: Exclude<GraphCapture, 'OFF'>;
  /** The identity of the store behind the graph: another one than last time means that a dump was restored, or another database is answering. */
  readonly storeId: string;
  /** Whether capture had to be installed: writes from before were not noticed. */
  readonly isNew: boolean;
}

/** A capture that has ended: what tells that something in the graph is of it, and what is to go. */
export interface EndedCapture {
  /** SHA-256 of what it proved itself with, which the text of its trigger holds. Null when it had none. */
  readonly secretHash: string | null;
  /** The stamps that the graph may hold of it. */
  readonly stamps: readonly string[];
  /** Whether the service captures the graph again by now: what both have in common stays. */
  readonly isCapturedAgain: boolean;
  readonly removeKeys: boolean;
}

/** One piece of what a graph held when it was attached. */
export interface BaselinePage {
  /** Nodes, or relationships; never both. */
  readonly entities: readonly EntityState[];
  /** Where to go on after this page; opaque. */
  readonly cursor: string;
}

/** A text in the graph that goes where the graph's content goes: into dumps and, with them, back into the past. */
export interface GraphStamp {
  /** Null when there is none. */
  read(): Promise<string | null>;
  /** Replaces it, unseen by capture. */
  write(text: string): Promise<void>;
}

/** A knowledge graph: where entities live. Adapters: the graph embedded in PostgreSQL, Neo4j over Bolt. */
export interface KnowledgeGraph {
  readonly name: string;
  readonly kind: 'EMBEDDED' | 'NEO4J';
  /** The most changes that one graph transaction of a rollback may hold. */
  readonly immediateLimit: number;
  /**
   * Whether a scan of the feed gives transactions in the order in which they were committed, or by the stamps that they took shortly
   * before, where one that committed late may be missing from a scan that has its successor.
   */
  readonly order: 'EXACT' | 'STAMPS';
  /** Whether `scan` goes by key. A graph without an index over all keys cannot. */
  readonly scanOrder: 'KEY' | 'NONE';
  /** Whether `count` costs nothing, and counts just what is recorded. */
  readonly countsAtOnce: boolean;
  /** What shows that the graph is not in an earlier state than it was. Null where the graph and its history are one store. */
  readonly stamp: GraphStamp | null;
  /** Absent: the graph has no constraints that plans are checked against; what it refuses shows when it is written. */
  readonly constraints?: GraphConstraints;

  /**
   * Creates what is missing and installs capture. Idempotent, safe when two instances do it at once.
   * @param before is told what there is before anything is installed, so that what was missed is stored by then; what it rejects with ends
   * the attaching. A graph that keeps by itself that its capture was interrupted, as an incident, does not ask it.
   * @throws CaptureError that names the setting to change, and how, when the graph cannot be captured
   */
  attach(before?: (found: Attachment) => Promise<void>): Promise<Attachment>;
  /** What `attach` found, until `detach`. OFF before, and on an instance that has not attached the graph itself. */
  capture(): GraphCapture;
  /**
   * Removes capture and all that it keeps in the graph. Keys stay, unless `removeKeys`: without them what is recorded cannot be told
   * to be about the same entities. A key property of the user's own always stays. Idempotent.
   */
  detach(options: { readonly removeKeys: boolean }): Promise<void>;
  /**
   * Removes what `detach` did not come to remove, or could not, and nothing of another service that captures the graph by now. Cheap when
   * there is nothing. Absent: nothing can be left.
   * @returns whether nothing is left: false while the trigger cannot be dropped
   */
  removeLeft?(ended: EndedCapture): Promise<boolean>;
  /**
   * Everything that the graph held before it was attached, in pages of at most `pageSize`: all nodes, then all relationships, giving keys to what
   * has none on the way. Not one snapshot: writers go on, and what they do is in the feed. A page is read at the earliest when the one before it is
   * asked for. `after` is the cursor of the last page that was kept, null to begin. A graph that was recorded from its first entity on gives nothing.
   */
  baseline(after: string | null, pageSize: number): AsyncIterable<BaselinePage>;

  /**
   * Runs `work` in one graph transaction, retried as a whole on deadlock or serialisation failure, so `work` must be free of
   * other side effects. Commits when it resolves, rolls back when it rejects.
   * @throws CaptureError when what it wrote would be captured as somebody else's
   */
  transaction<T>(context: WriteContext, work: (tx: GraphTransaction) => Promise<T>): Promise<T>;

  /** Live content of entities, without locks. */
  read(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>>;
  /**
   * Every entity of a kind, each once, in pages: for verification. In the order of keys (by code point) where `scanOrder` says so, else in
   * none. Not one snapshot: pages may see later commits, and entities that come or go meanwhile may be in it or not.
   */
  scan(kind: EntityKind, pageSize: number): AsyncIterable<readonly EntityState[]>;
  readSchema(): Promise<readonly SchemaItem[]>;
  /**
   * Drops and creates constraints and indexes, each at once and for good, outside of any transaction; what is so already is passed over.
   * Resolves when the indexes of `create` are filled, those that were there included: who made them may have died meanwhile. Absent: the schema is
   * not the graph's to restore.
   * @throws ConstraintError when the data does not allow one
   */
  changeSchema?(drop: readonly SchemaItem[], create: readonly SchemaItem[]): Promise<void>;
  count(): Promise<{ nodes: bigint; relationships: bigint }>;

  /** What waits to be recorded. Cheap. */
  pending(): Promise<Pending>;
  /**
   * One scan of the committed, not yet acknowledged transactions in an order that history can record, in slices of at most about
   * `maxChanges` changes each. The scan is one consistent view: when it ends, everything that had committed before it began was in it, and
   * the last transaction of it is a cut. Empty when nothing waits. @throws FeedChangedError
   */
  feed(maxChanges: number): AsyncIterable<readonly CapturedTransaction[]>;
  /** Forgets transactions that history has recorded. Unknown ids are ignored. */
  acknowledge(ids: readonly string[]): Promise<void>;
  /** Whether capture is installed, enabled and ours. Empty when all is well. O(1). */
  inspectCapture(): Promise<readonly CaptureFinding[]>;
  /** What reading the graph shows, beyond what anybody finds who inspects it. Absent: nothing. */
  readonly notices?: CaptureNotices;
  /**
   * Which store it is that answers now, as `Attachment` has it. Absent: it is the same one as long as the graph is attached.
   * @throws GraphUnavailableError
   */
  storeId?(): Promise<string>;
  /** Forgets incidents (by their `incident`) once a full comparison has brought history in line with the graph. Unknown ones are ignored. */
  settleIncidents(incidents: readonly string[]): Promise<void>;

  /** Removes an operation's marker once nothing can resume it. */
  forgetMarker(operation: string): Promise<void>;
  close(): Promise<void>;
}
