import { changedAspects } from '../core/aspects.ts';
import type { EntityChange, EntityRef, EntityState, RelationshipState } from '../core/entities.ts';
import { LimitError } from '../core/errors.ts';
import {
  matchScope,
  type Neighbourhood,
  type NeighbourhoodQuery,
  neighbourhoodId,
  type ResolvedNeighbourhoods,
  type Scope,
  type ScopeSubject,
  scopeNeighbourhoods,
  scopeUsesLabels,
} from '../core/scope.ts';
import type { EntityPlace, History, RecordedChange } from '../ports/history.ts';
import { type Surroundings, walk } from './neighbourhood.ts';
import { ReadsTogether } from './reads-together.ts';

/** The most nodes, and the most relationships, that one neighbourhood of a scope may cover. */
export const MAX_SCOPE_ENTITIES = 100_000;

/** States that one statement is asked for. */
const PLACES_AT_ONCE = 10_000;

export type ScopeHistory = Surroundings & Pick<History, 'statesAtPlaces'>;

/** A scope that can be asked about changes. */
export interface ScopeFilter {
  readonly scope: Scope;
  readonly neighbourhoods: ResolvedNeighbourhoods;
  /** Net changes between two moments that are in scope, a relationship's ends having their labels at either. */
  net<Change extends EntityChange>(changes: readonly Change[], from: bigint, to: bigint): Promise<readonly Change[]>;
  /** Changes of single transactions that are in scope, each judged before and after its own transaction. */
  recorded(changes: readonly RecordedChange[]): Promise<readonly RecordedChange[]>;
}

/** Prepares scopes: finds the keys that their neighbourhoods cover. */
export class ScopeResolver {
  readonly #history: ScopeHistory;
  readonly #states: ReadsTogether<number, readonly EntityPlace[], readonly (EntityState | null)[]>;

  constructor(history: ScopeHistory) {
    this.#history = history;
    this.#states = new ReadsTogether(async (graphId, parts) => {
      const places = parts.flat();
      const states: (EntityState | null)[] = [];
      for (let at = 0; at < places.length; at += PLACES_AT_ONCE)
        states.push(...(await history.statesAtPlaces(graphId, places.slice(at, at + PLACES_AT_ONCE))));
      let end = 0;
      return parts.map((own): readonly (EntityState | null)[] => {
        const start = end;
        end += own.length;
        return states.slice(start, end);
      });
    });
  }

  /** @throws LimitError when a neighbourhood covers too much */
  async resolve(graphId: number, scope: Scope, moments: readonly bigint[]): Promise<ScopeFilter> {
    const neighbourhoods = await this.neighbourhoods(graphId, scope, moments);
    const usesLabels = scopeUsesLabels(scope);
    const select = async <Change extends EntityChange>(
      changes: readonly Change[],
      labels: (changes: readonly Change[]) => Promise<EndLabels<Change>>,
    ): Promise<readonly Change[]> => {
      const endLabels = usesLabels ? await labels(changes) : () => [];
      return changes.filter((change) => touches(scope, subjectOf(change, endLabels(change)), change, neighbourhoods));
    };
    return {
      scope,
      neighbourhoods,
      net: (changes, from, to) => select(changes, (all) => this.#labelsAt(graphId, all, [from, to])),
      recorded: (changes) => select(changes, (all) => this.#labelsAround(graphId, all)),
    };
  }

  /** What each neighbourhood of the scope covers at any of the moments. @throws LimitError when it is too much */
  async neighbourhoods(graphId: number, scope: Scope, moments: readonly bigint[]): Promise<ResolvedNeighbourhoods> {
    const resolved = new Map<string, Neighbourhood>();
    for (const query of scopeNeighbourhoods(scope)) {
      resolved.set(neighbourhoodId(query), await this.#covered(graphId, query, new Set(moments)));
    }
    return resolved;
  }

  /** The labels that the ends of each relationship have at any of the moments, by relationship key. */
  async endLabels(
    graphId: number,
    relationships: readonly RelationshipState[],
    moments: readonly bigint[],
  ): Promise<Map<string, readonly string[]>> {
    const labels = await this.#nodeLabels(
      graphId,
      relationships.flatMap(({ start, end }) => [start, end]),
      moments,
    );
    return new Map(
      relationships.map(({ key, start, end }) => [key, [...(labels.get(start) ?? []), ...(labels.get(end) ?? [])]]),
    );
  }

  async #covered(graphId: number, query: NeighbourhoodQuery, moments: ReadonlySet<bigint>): Promise<Neighbourhood> {
    const limits = { nodes: MAX_SCOPE_ENTITIES, relationships: MAX_SCOPE_ENTITIES };
    const nodes = new Set<string>(query.keys);
    const relationships = new Set<string>();
    for (const seq of moments) {
      const found = await walk(this.#history, graphId, seq, query, limits);
      if (!found.complete || found.omitted.size > 0) {
        throw new LimitError(
          `a neighbourhood of the scope covers more than ${MAX_SCOPE_ENTITIES} entities`,
          BigInt(MAX_SCOPE_ENTITIES),
        );
      }
      for (const key of found.nodes.keys()) nodes.add(key);
      for (const key of found.relationships.keys()) relationships.add(key);
    }
    return { nodes, relationships };
  }

  async #labelsAt(graphId: number, changes: readonly EntityChange[], moments: readonly bigint[]) {
    const labels = await this.#nodeLabels(graphId, changes.flatMap(endsOf), moments);
    return (change: EntityChange) => endsOf(change).flatMap((key) => [...(labels.get(key) ?? [])]);
  }

  async #nodeLabels(graphId: number, keys: readonly string[], moments: readonly bigint[]) {
    const labels = new Map<string, Set<string>>();
    const seqs = [...new Set(moments)];
    const places = nodeRefs(keys).flatMap((ref) => seqs.map((seq) => ({ ...ref, seq })));
    for (const state of await this.#statesAt(graphId, places)) {
      if (state === null) continue;
      const known = labels.get(state.key) ?? new Set<string>();
      for (const label of labelsOf(state)) known.add(label);
      labels.set(state.key, known);
    }
    return labels;
  }

  /** One read for a page of changes: the ends as they were before and after the change of each relationship. */
  async #labelsAround(graphId: number, changes: readonly RecordedChange[]) {
    const places = new Map<string, EntityPlace>();
    for (const change of changes) for (const place of placesAround(change)) places.set(placeId(place), place);
    const states = await this.#statesAt(graphId, [...places.values()]);
    const labels = new Map([...places.keys()].map((id, index) => [id, labelsOf(states[index] ?? null)]));
    return (change: RecordedChange): string[] =>
      placesAround(change).flatMap((place) => [...(labels.get(placeId(place)) ?? [])]);
  }

  async #statesAt(graphId: number, places: readonly EntityPlace[]): Promise<readonly (EntityState | null)[]> {
    return places.length === 0 ? [] : this.#states.read(graphId, places);
  }
}

type EndLabels<Change> = (change: Change) => readonly string[];

function touches(scope: Scope, subject: ScopeSubject, change: EntityChange, resolved: ResolvedNeighbourhoods): boolean {
  return changedAspects(change.before, change.after).some((aspect) => matchScope(scope, subject, aspect, resolved));
}

function subjectOf({ kind, key, before, after }: EntityChange, endLabels: readonly string[]): ScopeSubject {
  return { ref: { kind, key }, states: [before, after].filter((state) => state !== null), endLabels };
}

function endsOf({ before, after }: EntityChange): readonly string[] {
  const state = after ?? before;
  return state?.kind === 'RELATIONSHIP' ? [state.start, state.end] : [];
}

function placesAround(change: RecordedChange): EntityPlace[] {
  return nodeRefs(endsOf(change)).flatMap((ref) => [
    { ...ref, seq: change.seq - 1n },
    { ...ref, seq: change.seq },
  ]);
}

function placeId({ seq, key }: EntityPlace): string {
  return `${seq} ${key}`;
}

function nodeRefs(keys: readonly string[]): EntityRef[] {
  return [...new Set(keys)].map((key) => ({ kind: 'NODE', key }));
}

function labelsOf(state: EntityState | null): readonly string[] {
  return state?.kind === 'NODE' ? state.labels : [];
}
