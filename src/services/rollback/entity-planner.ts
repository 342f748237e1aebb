import {
  type EntityId,
  type EntityRef,
  type EntityState,
  entityId,
  type RelationshipState,
} from '../../core/entities.ts';
import { type EntityPlan, type PlanInput, planEntity, seqsOf } from '../../core/plan.ts';
import type { Author } from '../../core/plan-explain.ts';
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

/** Kept while its page is planned: what is in conflict is explained by who wrote it. */
interface Drafted extends PlannedEntity {
  readonly input: PlanInput;
}

/** A window that reaches further back may show that it should reach still further; the plan is valid at any time. */
const MAX_REACHES = 4;

type Versions = ReadonlyMap<EntityId, readonly RecordedVersion[]>;

/** Plans entities from recorded history, page by page. Made for one request; resolves its scope once. */
export class EntityPlanner {
  readonly #history: Pick<History, 'members' | 'windowVersions' | 'transactionsBySeq'>;
  readonly #scopes: Pick<ScopeResolver, 'neighbourhoods' | 'endLabels'>;
  readonly #request: PlanRequest;
  #neighbourhoods: Promise<ResolvedNeighbourhoods> | undefined;

  constructor(
    deps: {
      readonly history: Pick<History, 'members' | 'windowVersions' | 'transactionsBySeq'>;
      readonly scopes: Pick<ScopeResolver, 'neighbourhoods' | 'endLabels'>;
    },
    request: PlanRequest,
  ) {
    this.#history = deps.history;
    this.#scopes = deps.scopes;
    this.#request = request;
  }

  /** The plans of entities, with live as recorded at `head`. What the undo set does not concern has nothing to write. */
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
    return this.#explain(planned);
  }

  /** Conflicts name who wrote on top, and when. */
  async #explain(planned: readonly Drafted[]): Promise<PlannedEntity[]> {
    const seqs = planned.flatMap(({ plan }) => plan.conflicts.flatMap(({ liveSeq }) => liveSeq ?? []));
    if (seqs.length === 0) return [...planned];
    const authors = await this.#history.transactionsBySeq(this.#request.graphId, [...new Set(seqs)]);
    const authorOf = (seq: bigint): Author | null => authors.get(seq) ?? null;
    return planned.map(({ plan, liveSeq, input }) => ({
      plan: plan.conflicts.length === 0 ? plan : planEntity({ ...input, authorOf }),
      liveSeq,
    }));
  }

  async #planFrom(refs: readonly EntityRef[], from: bigint, head: bigint): Promise<Drafted[]> {
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
    inScope: PlanInput['inScope'],
  ): Drafted {
    const versions = all.get(entityId(ref)) ?? [];
    const last = versions.at(-1);
    const input = { ref, from, versions, isUndone, inScope, live: last?.state ?? null };
    return { plan: planEntity(input), liveSeq: last?.seq ?? null, input };
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
