import type { EntityChange, EntityKind, EntityRef, EntityState, RelationshipState } from '../../core/entities.ts';
import type { At, ChangeSummary, Moment, Page, PageRequest } from '../../core/moments.ts';
import type { Scope } from '../../core/scope.ts';
import type {
  DiffPosition,
  GraphRecord,
  RecordedChange,
  RecordedTransaction,
  TransactionFilter,
} from '../../ports/history.ts';
import type { SchemaPlace, SchemaReading } from '../../ports/schema-readings.ts';

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
  /** What one transaction did, in scope. Asked of several at the same time, they are read together. */
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

/**
 * What is asked of several views at the same time is read together: many diffs cost the statements of one, but for the subgraphs that are drawn
 * and the neighbourhoods of scopes, each of which is walked in a state of its own.
 */
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
