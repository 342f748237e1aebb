import { addSummaries, NO_CHANGES, reverse, summarize } from '../core/diff.ts';
import { actionOf, type EntityChange, type EntityState } from '../core/entities.ts';
import { InvalidInputError } from '../core/errors.ts';
import type { At, ChangeSummary, Moment, Page, PageRequest } from '../core/moments.ts';
import type { Scope } from '../core/scope.ts';
import type { DiffEntry, DiffPosition, History } from '../ports/history.ts';
import { drawChanges, MAX_DRAWN } from './change-subgraph.ts';
import type * as contract from './contract.ts';
import { filteredPage } from './filtered-pages.ts';
import type { MomentResolver } from './moment-resolver.ts';
import type { ScopeFilter, ScopeResolver } from './scope-resolver.ts';

const PAGE = 1000;

type ChangesFilter = Parameters<contract.DiffView['changes']>[0];

export interface DiffEngineDependencies {
  readonly history: Pick<History, 'diff' | 'statesAt' | 'incidentAt'>;
  readonly moments: Pick<MomentResolver, 'resolve'>;
  readonly scopes: ScopeResolver;
}

/** Compares a graph with itself at another moment. Cost by what changed between the two. */
export class DiffEngine implements contract.DiffEngine {
  readonly #deps: DiffEngineDependencies;

  constructor(deps: DiffEngineDependencies) {
    this.#deps = deps;
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
  readonly #deps: DiffEngineDependencies;
  #filter: Promise<ScopeFilter> | undefined;
  #summary: Promise<ChangeSummary> | undefined;

  constructor(deps: DiffEngineDependencies, graphId: number, from: Moment, to: Moment, scope: Scope | null) {
    this.#deps = deps;
    this.graphId = graphId;
    this.from = from;
    this.to = to;
    this.scope = scope;
  }

  summary(): Promise<ChangeSummary> {
    this.#summary ??= this.#count();
    return this.#summary;
  }

  async changes(filter: ChangesFilter, page: PageRequest<DiffPosition>): Promise<Page<DiffEntry>> {
    const read = (chunk: PageRequest<DiffPosition>) => this.#read(filter.kind, chunk);
    const { action, label } = filter;
    if (this.scope === null && action === undefined && label === undefined) return read(page);
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
    return drawChanges(history, this, () => this.#all(), limit);
  }

  async #count(): Promise<ChangeSummary> {
    let summary = NO_CHANGES;
    for await (const changes of this.#all()) summary = addSummaries(summary, summarize(changes));
    return summary;
  }

  async *#all(): AsyncGenerator<readonly EntityChange[]> {
    let after: DiffPosition | undefined;
    do {
      const { items, hasMore } = await this.#read(undefined, { limit: PAGE, after });
      yield await this.#inScope(items);
      after = hasMore ? items.at(-1)?.position : undefined;
    } while (after !== undefined);
  }

  /** The changes from the earlier moment to the later one, turned round if asked the other way. */
  async #read(kind: ChangesFilter['kind'], page: PageRequest<DiffPosition>): Promise<Page<DiffEntry>> {
    const { graphId, from, to } = this;
    const forward = from.seq <= to.seq;
    const [first, last] = forward ? [from.seq, to.seq] : [to.seq, from.seq];
    if (first === last) return { items: [], hasMore: false };
    const read = await this.#deps.history.diff(graphId, first, last, { kind }, page);
    if (forward) return read;
    return { ...read, items: read.items.map((entry) => ({ ...reverse(entry), position: entry.position })) };
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
