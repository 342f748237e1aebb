import type { UnknownEntity } from '../../core/deltas.ts';
import { type EntityChange, entityId, type RelationshipState } from '../../core/entities.ts';
import { bareNode, type ChainBreak, reconcileOf } from '../../core/recording.ts';
import type { CapturedTransaction, FullTransaction } from '../../core/recording-types.ts';
import type { RecorderDeps } from './recorder-types.ts';

/** The changes that were missed, by the index of the transaction before which they must have happened. */
export type MissedWrites = ReadonlyMap<number, readonly EntityChange[]>;

/**
 * What was missed, judging by where the chain breaks: an entity is as the transaction found it, a missing end as it is now in the
 * graph, and relationships left on a deleted node are gone.
 */
export async function missedWrites(
  { graph }: Pick<RecorderDeps, 'graph'>,
  slice: readonly FullTransaction[],
  breaks: readonly ChainBreak[],
  left: readonly RelationshipState[],
): Promise<MissedWrites> {
  const missed = new Map<number, EntityChange[]>();
  const add = (index: number, change: EntityChange): void => {
    missed.set(index, [...(missed.get(index) ?? []), change]);
  };
  const ends = breaks.flatMap((gap) => (gap.kind === 'END' ? [{ kind: 'NODE' as const, key: gap.node }] : []));
  const live = ends.length === 0 ? new Map() : await graph.read(ends);
  for (const gap of breaks) {
    if (gap.kind === 'STATE') add(gap.transaction, gap.fix);
    else {
      const after = live.get(entityId({ kind: 'NODE', key: gap.node })) ?? bareNode(gap.node);
      add(gap.transaction, { kind: 'NODE', key: gap.node, before: null, after });
    }
  }
  for (const before of left) {
    const change = { kind: before.kind, key: before.key, before, after: null };
    add(
      Math.max(
        0,
        slice.findIndex((transaction) => deletesEnd(transaction, before)),
      ),
      change,
    );
  }
  return missed;
}

function deletesEnd({ changes }: FullTransaction, { start, end }: RelationshipState): boolean {
  return changes.some(({ kind, key, after }) => kind === 'NODE' && after === null && (key === start || key === end));
}

/** The slice with a RECONCILE transaction in front of each transaction before which something was missed. */
export function withMissed(
  slice: readonly CapturedTransaction[],
  missed: MissedWrites,
  nextId: () => string,
): readonly CapturedTransaction[] {
  return slice.flatMap((transaction, index) => {
    const fixes = missed.get(index);
    return fixes === undefined ? [transaction] : [reconcileOf(nextId(), transaction, fixes), transaction];
  });
}

/** How the missed writes, and the changes of entities that nothing is known of, are shown among the problems of capture. */
export function problemsOf(
  missed: MissedWrites,
  unknown: readonly UnknownEntity[] = [],
): { kind: string; message: string; key: string }[] {
  const refs = [...[...missed.values()].flat(), ...unknown.map(({ delta }) => delta)];
  return refs.map(({ kind, key }) => ({
    kind: 'MISSED_WRITE',
    message: `a ${kind === 'NODE' ? 'node' : 'relationship'} was changed without being captured`,
    key,
  }));
}
