import { actionOf, type EntityRef, type EntityState, type RelationshipState } from '../core/entities.ts';
import { InvalidInputError, LimitError, NotFoundError } from '../core/errors.ts';
import type { At, Moment, Page, PageRequest } from '../core/moments.ts';
import type { Scope } from '../core/scope.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  DiffPosition,
  GraphRecord,
  History,
  RecordedChange,
  RecordedTransaction,
  TransactionFilter,
} from '../ports/history.ts';
import type * as contract from './contract.ts';
import { filteredPage, scanFiltered, tooRare } from './filtered-pages.ts';
import type { GraphRegistry } from './graph-registry.ts';
import { ListReads } from './list-reads.ts';
import type { MomentResolver } from './moment-resolver.ts';
import { relationshipsAmong, walk } from './neighbourhood.ts';
import { exactly, refuseManyCandidates } from './property-match.ts';
import type { ScopeFilter, ScopeResolver } from './scope-resolver.ts';

const MAX_NEIGHBOURS = 2000;
const MAX_HOPS = 10;
/** Relationships read to draw one neighbourhood. */
const MAX_WALKED = 50_000;

type ScanFilter = Parameters<contract.GraphReader['scanAt']>[2];
type ChangesFilter = Parameters<contract.GraphReader['changes']>[1];
type NeighbourhoodQuery = Parameters<contract.GraphReader['neighbourhood']>[2];

export interface GraphReaderDependencies {
  readonly history: History;
  readonly registry: GraphRegistry;
  readonly moments: MomentResolver;
  readonly scopes: ScopeResolver;
  readonly clock: Clock;
}

/** Reads graphs at any moment, and what happened to them. */
export class GraphReader implements contract.GraphReader {
  readonly #deps: GraphReaderDependencies;
  readonly #changes: ListReads<number, { readonly seq: bigint }, EntityRef, RecordedChange>;

  constructor(deps: GraphReaderDependencies) {
    this.#deps = deps;
    this.#changes = new ListReads((graphId, spans, page) => deps.history.changesOf(graphId, spans, page));
  }

  async list(): Promise<readonly GraphRecord[]> {
    const graphs = await this.#deps.history.graphsById(this.#deps.registry.ids());
    return [...graphs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async byName(name: string): Promise<GraphRecord> {
    const graph = name.includes('\0') ? null : await this.#deps.history.graphByName(name);
    if (graph === null) throw new NotFoundError(`there is no graph ${name}`);
    return graph;
  }

  async byId(id: number): Promise<GraphRecord> {
    const graph = await this.#deps.history.graph(id);
    if (graph === null) throw new NotFoundError(`there is no graph with id ${id}`);
    return graph;
  }

  earliest(graphId: number): Promise<Moment> {
    return this.#deps.history.earliest(graphId);
  }

  async captureLag(graphId: number): Promise<{ pending: bigint; lagMs: number | null }> {
    const served = this.#deps.registry.find(graphId);
    if (served === null) return { pending: 0n, lagMs: null };
    // What cannot be asked is not known to wait; that the graph does not answer is the graph's capture error.
    const pending = await served.graph.pending().catch(() => null);
    if (pending === null) return { pending: 0n, lagMs: null };
    const { transactions, oldest } = pending;
    const lag = oldest === null ? null : Math.max(0, this.#deps.clock.now().getTime() - oldest.getTime());
    return { pending: transactions, lagMs: lag };
  }

  trouble(graphId: number): string | null {
    return this.#deps.registry.trouble(graphId);
  }

  resolve(graphId: number, at: At, path: readonly string[]): Promise<Moment> {
    return this.#deps.moments.resolve(graphId, at, path);
  }

  statesAt(graphId: number, seq: bigint, refs: readonly EntityRef[]): Promise<Map<string, EntityState>> {
    return this.#deps.history.statesAt(graphId, seq, refs);
  }

  async scanAt(
    graphId: number,
    seq: bigint,
    { where, ...filter }: ScanFilter,
    page: PageRequest<string>,
  ): Promise<Page<EntityState>> {
    const { history } = this.#deps;
    if (where === undefined) return history.scanAt(graphId, seq, filter, page);
    const wanted = exactly(where);
    await refuseManyCandidates(history, graphId, seq, filter);
    const read = (chunk: PageRequest<string>) => history.scanAt(graphId, seq, filter, chunk);
    return filteredPage({ read, position: ({ key }) => key, keep: (items) => items.filter(wanted) }, page);
  }

  incidentAt(
    graphId: number,
    seq: bigint,
    nodeKeys: readonly string[],
    filter: { direction: 'IN' | 'OUT' | 'BOTH'; types?: readonly string[] },
    page: PageRequest<string>,
  ): Promise<Page<RelationshipState>> {
    return this.#deps.history.incidentAt(graphId, seq, nodeKeys, filter, page);
  }

  async neighbourhood(graphId: number, seq: bigint, query: NeighbourhoodQuery): Promise<contract.Subgraph> {
    const { history } = this.#deps;
    checkNeighbourhood(query);
    const limits = { nodes: query.limit, relationships: MAX_WALKED };
    const found = await walk(history, graphId, seq, query, limits);
    const keys = new Set(found.nodes.keys());
    const among = await relationshipsAmong(history, graphId, seq, keys, query.types, MAX_WALKED);
    const shown = among.slice(0, query.limit * 5);
    const cut = [...found.relationships.values()].filter(({ start, end }) => !keys.has(start) || !keys.has(end));
    const states = await history.statesAt(
      graphId,
      seq,
      [...keys].map((key) => ({ kind: 'NODE', key })),
    );
    return {
      nodes: [...states.values()]
        .sort((a, b) => (found.nodes.get(a.key) ?? 0) - (found.nodes.get(b.key) ?? 0))
        .map((state) => ({ state, change: null })),
      relationships: shown.map((state) => ({ state, change: null })),
      omittedNodes: BigInt(found.omitted.size),
      omittedRelationships: BigInt(cut.length + among.length - shown.length),
    };
  }

  async transactions(
    graphId: number,
    { scope, ...filter }: TransactionFilter & { scope?: Scope },
    page: PageRequest<bigint>,
  ): Promise<Page<RecordedTransaction>> {
    const { history } = this.#deps;
    if (scope === undefined) return history.transactions(graphId, filter, page);
    const since = largest(filter.since, page.after);
    const until = smallest(filter.until, page.before === undefined ? undefined : page.before - 1n);
    const scan = {
      read: (chunk: PageRequest<DiffPosition>) => history.changes(graphId, { ...filter, since, until }, chunk),
      position: positionOf,
      keep: (await this.#scopeFilter(graphId, scope, filter)).recorded,
    };
    const seqs = new Set<bigint>();
    let unread = true;
    for await (const { kept, more } of scanFiltered(scan, { limit: page.limit, backwards: page.backwards })) {
      for (const { seq } of kept) seqs.add(seq);
      unread = more;
      if (seqs.size > page.limit) break;
    }
    if (unread && seqs.size === 0) throw tooRare();
    const wanted = [...seqs].slice(0, page.limit).sort((a, b) => (a < b ? -1 : 1));
    const found = await history.transactionsBySeq(graphId, wanted);
    return { items: wanted.flatMap((seq) => found.get(seq) ?? []), hasMore: unread || seqs.size > page.limit };
  }

  async changesOf(
    graphId: number,
    seq: bigint,
    scope: Scope | null,
    page: PageRequest<EntityRef>,
  ): Promise<Page<RecordedChange>> {
    if (scope === null) return this.#changes.page(graphId, { seq }, page);
    const filter = await this.#scopeFilter(graphId, scope, { since: seq - 1n, until: seq });
    const read = (chunk: PageRequest<EntityRef>) => this.#changes.chunk(graphId, { seq }, chunk);
    return filteredPage({ read, position: ({ kind, key }) => ({ kind, key }), keep: filter.recorded }, page);
  }

  async changes(
    graphId: number,
    { scope, action, ...filter }: ChangesFilter,
    page: PageRequest<DiffPosition>,
  ): Promise<Page<RecordedChange>> {
    const read = (chunk: PageRequest<DiffPosition>) => this.#deps.history.changes(graphId, filter, chunk);
    if (scope === undefined && action === undefined) return read(page);
    const inScope = scope === undefined ? null : await this.#scopeFilter(graphId, scope, filter);
    const keep = async (changes: readonly RecordedChange[]): Promise<readonly RecordedChange[]> => {
      const acted = action === undefined ? changes : changes.filter((change) => actionOf(change) === action);
      return inScope === null ? acted : inScope.recorded(acted);
    };
    return filteredPage({ read, position: positionOf, keep }, page);
  }

  /** Neighbourhoods are taken where the window starts and where it ends. */
  async #scopeFilter(graphId: number, scope: Scope, { since, until }: TransactionFilter): Promise<ScopeFilter> {
    const { history, moments, scopes } = this.#deps;
    const start = since ?? (await history.earliest(graphId)).seq;
    return scopes.resolve(graphId, scope, [start, until ?? (await moments.recorded(graphId)).seq]);
  }
}

function checkNeighbourhood({ hops, limit, keys }: NeighbourhoodQuery): void {
  if (hops < 0 || hops > MAX_HOPS) throw InvalidInputError.field(['hops'], `must be from 0 to ${MAX_HOPS}`);
  if (limit < 1 || limit > MAX_NEIGHBOURS)
    throw InvalidInputError.field(['limit'], `must be from 1 to ${MAX_NEIGHBOURS}`);
  if (keys.length === 0) throw InvalidInputError.field(['keys'], 'must not be empty');
  if (keys.length > MAX_NEIGHBOURS) throw new LimitError(`at most ${MAX_NEIGHBOURS} keys`, BigInt(MAX_NEIGHBOURS));
}

function positionOf({ seq, kind, key }: RecordedChange): DiffPosition {
  return { seq, kind, key };
}

function largest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}

function smallest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
