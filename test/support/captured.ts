import { randomUUID } from 'node:crypto';
import { sameState } from '../../src/core/canonical.ts';
import {
  type EntityChange,
  type EntityId,
  type EntityRef,
  type EntityState,
  entityId,
  type NodeState,
  type RelationshipState,
} from '../../src/core/entities.ts';
import type { FullTransaction } from '../../src/core/recording-types.ts';
import type { Properties } from '../../src/core/values.ts';
import type { KnowledgeGraph, WriteContext } from '../../src/ports/knowledge-graph.ts';
import { FullStates } from './full-states.ts';

/** The context of a write through the API, with an id of its own. */
export const byApi = (): WriteContext => ({
  id: randomUUID(),
  source: 'API',
  actor: 'ada',
  session: null,
  operation: null,
});

export const nodeOf = (key: string, properties: Properties = {}, labels: readonly string[] = ['Thing']): NodeState => ({
  kind: 'NODE',
  key,
  labels,
  properties,
});

export const relationshipOf = (
  key: string,
  start: string,
  end: string,
  properties: Properties = {},
): RelationshipState => ({ kind: 'RELATIONSHIP', key, type: 'KNOWS', start, end, properties });

export const ref = ({ kind, key }: EntityRef): EntityRef => ({ kind, key });
export const nodeRef = (key: string): EntityRef => ({ kind: 'NODE', key });
export const relationshipRef = (key: string): EntityRef => ({ kind: 'RELATIONSHIP', key });

/** A change as the guard would make it: what is locked becomes `after`. */
export function changeTo(before: EntityState | null | undefined, after: EntityState | null): EntityChange {
  const state = after ?? before;
  if (state === null || state === undefined) throw new Error('neither before nor after');
  return { kind: state.kind, key: state.key, before: before ?? null, after };
}

/** Writes states (null deletes) in one transaction, locking them first. */
export async function put(
  graph: KnowledgeGraph,
  states: readonly (EntityState | [EntityRef, null])[],
  context: WriteContext = byApi(),
): Promise<void> {
  const targets = states.map((state) =>
    'kind' in state ? { at: ref(state), after: state } : { at: state[0], after: null },
  );
  await graph.transaction(context, async (tx) => {
    const live = await tx.lock(targets.map(({ at }) => at));
    await tx.write(targets.map(({ at, after }) => changeTo(live.get(entityId(at)), after)));
  });
}

const remembered = new WeakMap<KnowledgeGraph, FullStates>();

/** One scan, slice by slice. */
export async function slicesOf(graph: KnowledgeGraph, maxChanges = 1000): Promise<FullTransaction[][]> {
  const states = remembered.get(graph) ?? new FullStates();
  remembered.set(graph, states);
  const slices: FullTransaction[][] = [];
  for await (const slice of graph.feed(maxChanges)) slices.push(states.of(slice));
  return slices;
}

export async function scanOf(graph: KnowledgeGraph, maxChanges = 1000): Promise<FullTransaction[]> {
  return (await slicesOf(graph, maxChanges)).flat();
}

/** Reads and acknowledges all that waits. */
export async function drain(graph: KnowledgeGraph): Promise<FullTransaction[]> {
  const transactions = await scanOf(graph);
  await graph.acknowledge(transactions.map(({ id }) => id));
  return transactions;
}

/** Follows a feed and complains when it is not a history that one graph can have had. */
export class Replay {
  readonly states = new Map<EntityId, EntityState>();
  readonly seen = new Set<string>();
  cuts = 0;

  /** Applies what is new; a transaction already followed is skipped, as the recorder does. */
  follow(transactions: readonly FullTransaction[]): void {
    for (const transaction of transactions) {
      if (this.seen.has(transaction.id)) continue;
      for (const change of transaction.changes) this.#apply(change);
      if (!transaction.last) continue;
      this.seen.add(transaction.id);
      if (!transaction.cut) continue;
      this.cuts += 1;
      this.#assertWhole();
    }
  }

  #apply(change: EntityChange): void {
    const id = entityId(change);
    const known = this.states.get(id) ?? null;
    if (!sameState(known, change.before)) {
      throw new Error(`${id} was ${JSON.stringify(known)}, captured as ${JSON.stringify(change.before)}`);
    }
    if (change.after === null) this.states.delete(id);
    else this.states.set(id, change.after);
  }

  #assertWhole(): void {
    for (const state of this.states.values()) {
      if (state.kind === 'NODE') continue;
      for (const end of [state.start, state.end]) {
        if (!this.states.has(entityId(nodeRef(end)))) throw new Error(`at a cut, ${state.key} has no end ${end}`);
      }
    }
  }
}
