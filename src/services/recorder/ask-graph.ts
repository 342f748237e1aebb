import { type FullSlice, isDelta, type States } from '../../core/deltas.ts';
import { type EntityId, type EntityRef, entityId } from '../../core/entities.ts';
import type { CapturedTransaction } from '../../core/recording-types.ts';
import type { KnowledgeGraph } from '../../ports/knowledge-graph.ts';
import type { MissedWrites } from './missed-writes.ts';

/** Entities as the graph holds them now, by the index of the transaction before which something of them was missed. */
export type LiveAt = ReadonlyMap<number, States>;

/**
 * The graph's own word on entities of which something was missed and capture knows no more than what changed.
 *
 * @param asked what was asked before
 * @returns null when there is nothing more to ask
 */
export async function askGraph(
  graph: Pick<KnowledgeGraph, 'read'>,
  slice: readonly CapturedTransaction[],
  { unknown }: FullSlice,
  missed: MissedWrites,
  asked: LiveAt,
): Promise<LiveAt | null> {
  const wanted = new Map<number, Map<EntityId, EntityRef>>();
  const want = (index: number, { kind, key }: EntityRef): void => {
    const ref = { kind, key };
    if (asked.get(index)?.has(entityId(ref)) === true) return;
    wanted.set(index, (wanted.get(index) ?? new Map<EntityId, EntityRef>()).set(entityId(ref), ref));
  };
  for (const { transaction, delta } of unknown) want(transaction, delta);
  for (const [index, changes] of missed) {
    const broken = new Set(changes.map(entityId));
    const deltas = (slice[index]?.changes ?? []).filter(isDelta);
    for (const delta of deltas) if (broken.has(entityId(delta))) want(index, delta);
  }
  if (wanted.size === 0) return null;
  const live = await graph.read([...wanted.values()].flatMap((refs) => [...refs.values()]));
  const answer = new Map(asked);
  for (const [index, refs] of wanted) {
    const states = [...refs.keys()].map((id) => [id, live.get(id) ?? null] as const);
    answer.set(index, new Map([...(asked.get(index) ?? []), ...states]));
  }
  return answer;
}
