import { addSummaries, NO_CHANGES, reverse, reverseSummary, summarize } from '../core/diff.ts';
import { actionOf, type EntityChange, type EntityState } from '../core/entities.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { At, ChangeSummary, Moment, Page, PageRequest } from '../core/moments.ts';
import type { Scope } from '../core/scope.ts';
import type { CountedChanges, DiffEntry, DiffPosition, DiffSpan, History } from '../ports/history.ts';
import { drawChanges, MAX_DRAWN } from './change-subgraph.ts';
import type * as contract from './contract.ts';
import { filteredPage } from './filtered-pages.ts';
import { chunkOf, chunksAtOnce, ListReads } from './list-reads.ts';
import type { MomentResolver } from './moment-resolver.ts';
import { ReadsTogether } from './reads-together.ts';
import type { ScopeFilter, ScopeResolver } from './scope-resolver.ts';

const PAGE = 1000;
/** Changes that one statement counts: on PGlite nothing else is answered meanwhile. */
const MAX_COUNTED = 5000;

type ChangesFilter = Parameters<contract.DiffView['changes']>[0];
type Span = Pick<DiffSpan, 'from' | 'to'>;

export interface DiffEngineDependencies {
  readonly history: Pick<History, 'diffs' | 'countDiffs' | 'statesAt' | 'incidentAt'>;
  readonly moments: Pick<MomentResolver, 'resolve'>;
  readonly scopes: ScopeResolver;
}

/** What views have in common: reads of diffs that are asked for at the same time are made together. */
interface Viewing extends DiffEngineDependencies {
  readonly reads: ListReads<{ graphId: number; kind: ChangesFilter['kind'] }, Span, DiffPosition, DiffEntry>;
  readonly counts: ReadsTogether<number, DiffSpan, CountedChanges>;
}

/** Compares a graph with itself at another moment. Cost by what changed between the two. */
export class DiffEngine implements contract.DiffEngine {
  readonly #deps: Viewing;

  constructor(deps: DiffEngineDependencies) {
    const { history } = deps;
    this.#deps = {
      ...deps,
      reads: new ListReads(({ graphId, kind }, spans, page) => history.diffs(graphId, spans, { kind }, page)),
      counts: new ReadsTogether(
        (graphId, spans) => history.countDiffs(graphId, spans, chunkOf(spans.length, MAX_COUNTED)),
        () => chunksAtOnce(MAX_COUNTED),
      ),
    };
  }

  async between(graphId: number, from: At, to: At | null, scope: Scope | null): Promise<contract.DiffView> {
    const start = await this.#deps.moments.resolve(graphId, from, ['from']);
    const end = await this.#deps.moments.resolve(graphId, to ?? { keyword: 'LIVE' }, ['to']);
    return this.at(graphId, start, end, scope);
  }

  at(graphId: number, from: Moment, to: Moment, scope: Scope | null): contract.DiffView {
    return new DiffView(this.#deps, graphId, from, to, scope);
  }
}

/** The net changes from one cut to another, which may be the earlier one. */
class DiffView implements contract.DiffView {
  readonly graphId: number;
  readonly from: Moment;
  readonly to: Moment;
  readonly scope: Scope | null;
  readonly #deps: Viewing;
  #filter: Promise<ScopeFilter> | undefined;
  #summary: Promise<ChangeSummary> | undefined;
  readonly #drawn = new Map<number, Promise<contract.Subgraph>>();

  constructor(deps: Viewing, graphId: number, from: Moment, to: Moment, scope: Scope | null) {
    this.#deps = deps;
    this.graphId = graphId;
    this.from = from;
    this.to = to;
    this.scope = scope;
  }

  summary(): Promise<ChangeSummary> {
    this.#summary ??= this.scope === null ? this.#count() : this.#countInScope();
    return this.#summary;
  }

  async changes(filter: ChangesFilter, page: PageRequest<DiffPosition>): Promise<Page<DiffEntry>> {
    const { kind, action, label } = filter;
    if (this.scope === null && action === undefined && label === undefined) return this.#read('page', kind, page);
    const read = (chunk: PageRequest<DiffPosition>) => this.#read('chunk', kind, chunk);
    const keep = async (entries: readonly DiffEntry[]): Promise<readonly DiffEntry[]> =>
      this.#inScope(
        entries.filter(
          (entry) =>
            (action === undefined || actionOf(entry) === action) &&
            (label === undefined || hasLabel(entry.before, label) || hasLabel(entry.after, label)),
        ),
      );
    return filteredPage({ read, position: ({ position }) => position, keep }, page);
  }

  subgraph(limit: number): Promise<contract.Subgraph> {
    if (limit < 1 || limit > MAX_DRAWN) throw InvalidInputError.field(['limit'], `must be from 1 to ${MAX_DRAWN}`);
    const { history } = this.#deps;
    const drawn = this.#drawn.get(limit) ?? drawChanges(history, this, () => this.#all(), limit);
    this.#drawn.set(limit, drawn);
    return drawn;
  }

  async #count(): Promise<ChangeSummary> {
    const { forward, span } = this.#span();
    let summary = NO_CHANGES;
    for (let after: DiffPosition | null | undefined; after !== null && span.from < span.to; ) {
      const counted: CountedChanges = await this.#deps.counts.read(this.graphId, { ...span, after });
      summary = addSummaries(summary, counted.summary);
      after = counted.last;
    }
    return forward ? summary : reverseSummary(summary);
  }

  async #countInScope(): Promise<ChangeSummary> {
    let summary = NO_CHANGES;
    for await (const changes of this.#all()) summary = addSummaries(summary, summarize(changes));
    return summary;
  }

  async *#all(): AsyncGenerator<readonly EntityChange[]> {
    let after: DiffPosition | undefined;
    do {
      const { items, hasMore } = await this.#read('chunk', undefined, { limit: PAGE, after });
      yield await this.#inScope(items);
      after = hasMore ? items.at(-1)?.position : undefined;
    } while (after !== undefined);
  }

  /** The changes from the earlier moment to the later one, turned round if asked the other way. */
  async #read(
    how: 'page' | 'chunk',
    kind: ChangesFilter['kind'],
    page: PageRequest<DiffPosition>,
  ): Promise<Page<DiffEntry>> {
    const { forward, span } = this.#span();
    if (span.from === span.to) return { items: [], hasMore: false };
    const read = await this.#deps.reads[how]({ graphId: this.graphId, kind }, span, page);
    if (forward) return read;
    return { ...read, items: read.items.map((entry) => ({ ...reverse(entry), position: entry.position })) };
  }

  #span(): { readonly forward: boolean; readonly span: Span } {
    const { from, to } = this;
    const forward = from.seq <= to.seq;
    return { forward, span: forward ? { from: from.seq, to: to.seq } : { from: to.seq, to: from.seq } };
  }

  async #inScope<Change extends EntityChange>(changes: readonly Change[]): Promise<readonly Change[]> {
    const { graphId, from, to, scope } = this;
    if (scope === null || changes.length === 0) return changes;
    this.#filter ??= this.#deps.scopes.resolve(graphId, scope, [from.seq, to.seq]);
    return (await this.#filter).net(changes, from.seq, to.seq);
  }
}

function hasLabel(state: EntityState | null, label: string): boolean {
  return state?.kind === 'NODE' && state.labels.includes(label);
}
