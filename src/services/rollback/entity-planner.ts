import {
  type EntityId,
  type EntityRef,
  type EntityState,
  entityId,
  type RelationshipState,
} from '../../core/entities.ts';
import { type EntityPlan, planEntity, seqsOf } from '../../core/plan.ts';
import {
  matchScope,
  type ResolvedNeighbourhoods,
  type Scope,
  type ScopeSubject,
  scopeUsesLabels,
} from '../../core/scope.ts';
import type { RecordedVersion, UndoSet } from '../../core/undo-set.ts';
import type { History } from '../../ports/history.ts';
import type { ScopeResolver } from '../scope-resolver.ts';

/** What a plan is made for. */
export interface PlanRequest {
  readonly graphId: number;
  readonly undo: UndoSet;
  /** The start of the window, exclusive. */
  readonly from: bigint;
  readonly scope: Scope | null;
}

export interface PlannedEntity {
  readonly plan: EntityPlan;
  /** The transaction that wrote the live state. */
  readonly liveSeq: bigint | null;
}

/** A window that reaches further back may show that it should reach still further; the plan is valid at any time. */
const MAX_REACHES = 4;

type Versions = ReadonlyMap<EntityId, readonly RecordedVersion[]>;

/** Plans entities from recorded history, page by page. Made for one request; resolves its scope once. */
export class EntityPlanner {
  readonly #history: Pick<History, 'members' | 'windowVersions'>;
  readonly #scopes: Pick<ScopeResolver, 'neighbourhoods' | 'endLabels'>;
  readonly #request: PlanRequest;
  #neighbourhoods: Promise<ResolvedNeighbourhoods> | undefined;

  constructor(
    deps: {
      readonly history: Pick<History, 'members' | 'windowVersions'>;
      readonly scopes: Pick<ScopeResolver, 'neighbourhoods' | 'endLabels'>;
    },
    request: PlanRequest,
  ) {
    this.#history = deps.history;
    this.#scopes = deps.scopes;
    this.#request = request;
  }

  /** The plans of entities, with live as recorded at `head`. Entities that the undo set does not concern are left out. */
  async plan(refs: readonly EntityRef[], head: bigint): Promise<PlannedEntity[]> {
    let planned = await this.#planFrom(refs, this.#request.from, head);
    for (let round = 0; round < MAX_REACHES; round += 1) {
      const short = planned.filter(({ plan }) => plan.reach !== null);
      const reach = short.reduce<bigint | null>((least, { plan }) => lesser(least, plan.reach), null);
      if (reach === null || reach < 1n) break;
      const refsAgain = short.map(({ plan }) => plan.ref);
      const again = new Map(
        (await this.#planFrom(refsAgain, reach - 1n, head)).map((entity) => [entityId(entity.plan.ref), entity]),
      );
      planned = planned.map((entity) => again.get(entityId(entity.plan.ref)) ?? entity);
    }
    return planned;
  }

  async #planFrom(refs: readonly EntityRef[], from: bigint, head: bigint): Promise<PlannedEntity[]> {
    const { graphId, undo } = this.#request;
    const versions = await this.#history.windowVersions(graphId, refs, from, head);
    const seqs = new Set<bigint>();
    for (const list of versions.values()) for (const seq of seqsOf(list)) seqs.add(seq);
    const members = await this.#history.members(graphId, undo, [...seqs]);
    const isUndone = (seq: bigint): boolean => members.has(seq);
    const all = refs.map((ref) => this.#planOne(ref, from, versions, isUndone, () => true));
    if (this.#request.scope === null) return all;
    const scope = this.#request.scope;
    const subjects = await this.#subjects(scope, all, head);
    const resolved = await this.#resolveScope(scope, head);
    return all.map(({ plan: { ref } }, at) => {
      const subject = subjects[at] ?? { ref, states: [], endLabels: [] };
      return this.#planOne(ref, from, versions, isUndone, (aspect) => matchScope(scope, subject, aspect, resolved));
    });
  }

  #planOne(
    ref: EntityRef,
    from: bigint,
    all: Versions,
    isUndone: (seq: bigint) => boolean,
    inScope: Parameters<typeof planEntity>[0]['inScope'],
  ): PlannedEntity {
    const versions = all.get(entityId(ref)) ?? [];
    const last = versions.at(-1);
    const plan = planEntity({ ref, from, versions, isUndone, inScope, live: last?.state ?? null });
    return { plan, liveSeq: last?.seq ?? null };
  }

  async #subjects(scope: Scope, planned: readonly PlannedEntity[], head: bigint): Promise<ScopeSubject[]> {
    const states = planned.map(({ plan }) => present([plan.base, plan.overwritten, plan.live]));
    const relationships = states.flat().filter((state): state is RelationshipState => state.kind === 'RELATIONSHIP');
    const labels =
      scopeUsesLabels(scope) && relationships.length > 0
        ? await this.#scopes.endLabels(this.#request.graphId, relationships, [this.#request.from, head])
        : new Map<string, readonly string[]>();
    return planned.map(({ plan: { ref } }, at) => ({
      ref,
      states: states[at] ?? [],
      endLabels: ref.kind === 'RELATIONSHIP' ? (labels.get(ref.key) ?? []) : [],
    }));
  }

  #resolveScope(scope: Scope, head: bigint): Promise<ResolvedNeighbourhoods> {
    const { graphId, from } = this.#request;
    this.#neighbourhoods ??= this.#scopes.neighbourhoods(graphId, scope, [from, head]);
    return this.#neighbourhoods;
  }
}

function present(states: readonly (EntityState | null)[]): EntityState[] {
  return states.filter((state) => state !== null);
}

function lesser(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
