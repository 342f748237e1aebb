import { type EntityKind, type EntityState, entityId } from '../../core/entities.ts';
import {
  entityInScope,
  NO_NEIGHBOURHOODS,
  type ResolvedNeighbourhoods,
  type Scope,
  scopeUsesLabels,
} from '../../core/scope.ts';
import type { History } from '../../ports/history.ts';
import type { ScopeResolver } from '../scope-resolver.ts';

const PAGE = 2000;
export const KINDS: readonly EntityKind[] = ['NODE', 'RELATIONSHIP'];

export interface SourcePage {
  /** Entities looked at. */
  readonly scanned: number;
  /** Those among them that the scope covers anything of, in key order. */
  readonly states: readonly EntityState[];
  /** The key of the last that was looked at. */
  readonly last: string | null;
}

export interface SourceDependencies {
  readonly history: Pick<History, 'scanAt' | 'statesAt'>;
  readonly scopes: Pick<ScopeResolver, 'neighbourhoods' | 'endLabels'>;
}

/** The state of a graph at a moment, or what a scope covers of it, page by page in key order. */
export class ArchiveSource {
  readonly #deps: SourceDependencies;
  readonly #graphId: number;
  readonly #seq: bigint;
  readonly #scope: Scope | null;
  #neighbourhoods: Promise<ResolvedNeighbourhoods> | undefined;

  constructor(deps: SourceDependencies, graphId: number, seq: bigint, scope: Scope | null) {
    this.#deps = deps;
    this.#graphId = graphId;
    this.#seq = seq;
    this.#scope = scope;
  }

  /** @throws LimitError when a neighbourhood of the scope covers too much */
  async *pages(kind: EntityKind, after: string | null): AsyncGenerator<SourcePage> {
    for await (const page of this.#candidates(kind, after)) {
      yield { scanned: page.length, states: await this.#inScope(page), last: page.at(-1)?.key ?? null };
    }
  }

  /** Whether the scope covers anything; null when that was not found out by looking at so many pages of each kind. */
  async isEmpty(mostPages: number): Promise<boolean | null> {
    let complete = true;
    for (const kind of KINDS) {
      let pages = 0;
      for await (const { states } of this.pages(kind, null)) {
        if (states.length > 0) return false;
        pages += 1;
        if (pages === mostPages) break;
      }
      complete &&= pages < mostPages;
    }
    return complete ? true : null;
  }

  /** A scope that names its entities is looked up, any other is found by looking at everything. */
  async *#candidates(kind: EntityKind, after: string | null): AsyncGenerator<readonly EntityState[]> {
    const { history } = this.#deps;
    if (this.#scope?.keys !== undefined) {
      const keys = [...new Set(this.#scope.keys)].sort().filter((key) => after === null || key > after);
      for (let at = 0; at < keys.length; at += PAGE) {
        const refs = keys.slice(at, at + PAGE).map((key) => ({ kind, key }));
        const found = await history.statesAt(this.#graphId, this.#seq, refs);
        yield refs.flatMap((ref) => found.get(entityId(ref)) ?? []);
      }
      return;
    }
    for (let last = after ?? undefined; ; ) {
      const { items, hasMore } = await history.scanAt(this.#graphId, this.#seq, { kind }, { limit: PAGE, after: last });
      yield items;
      last = items.at(-1)?.key;
      if (!hasMore) return;
    }
  }

  async #inScope(states: readonly EntityState[]): Promise<readonly EntityState[]> {
    const scope = this.#scope;
    if (scope === null || states.length === 0) return states;
    this.#neighbourhoods ??= this.#resolve(scope);
    const neighbourhoods = await this.#neighbourhoods;
    const labels = await this.#endLabels(scope, states);
    return states.filter((state) =>
      entityInScope(scope, { ref: state, states: [state], endLabels: labels.get(state.key) ?? [] }, neighbourhoods),
    );
  }

  async #resolve(scope: Scope): Promise<ResolvedNeighbourhoods> {
    const found = await this.#deps.scopes.neighbourhoods(this.#graphId, scope, [this.#seq]);
    return found.size === 0 ? NO_NEIGHBOURHOODS : found;
  }

  async #endLabels(scope: Scope, states: readonly EntityState[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const relationships = states.filter((state) => state.kind === 'RELATIONSHIP');
    if (relationships.length === 0 || !scopeUsesLabels(scope)) return new Map();
    return this.#deps.scopes.endLabels(this.#graphId, relationships, [this.#seq]);
  }
}
