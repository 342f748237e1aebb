import { entityId } from './entities.ts';
import { type Place, pathTo } from './write-check.ts';
import { attachedTo, type Draft, type Touch } from './write-draft.ts';
import type { GraphWrite, WriteError } from './write-types.ts';

/**
 * Whether every relationship that the writes leave has both its ends. Where one has not, the later of the
 * two writes is at fault: the creation of the relationship (MISSING_END) or the deletion of its node
 * (HAS_RELATIONSHIPS). Of several errors the one of the earliest write is returned.
 */
export function checkEnds(draft: Draft, writes: readonly GraphWrite[]): WriteError | null {
  let first: WriteError | null = null;
  for (const touch of draft.touches.values()) {
    const error = touch.kind === 'NODE' ? leftBehind(draft, writes, touch) : missingEnd(draft, writes, touch);
    if (error !== null && (first === null || error.changeIndex < first.changeIndex)) first = error;
  }
  return first;
}

function missingEnd(draft: Draft, writes: readonly GraphWrite[], touch: Touch): WriteError | null {
  const relationship = draft.relationships.get(touch.key);
  const { kind, key, turnedAt } = touch;
  if (relationship === undefined || turnedAt === null) return null;
  for (const field of ['start', 'end'] as const) {
    const otherKey = relationship[field];
    if (draft.nodes.has(otherKey)) continue;
    if ((turnOf(draft, otherKey) ?? -1) > turnedAt) continue;
    const path = pathTo(placeOf(writes, turnedAt), field);
    const message = `relationship ${key} needs node ${otherKey}, which does not exist`;
    return { kind: 'MISSING_END', changeIndex: turnedAt, path, entity: { kind, key }, otherKey, message };
  }
  return null;
}

function leftBehind(draft: Draft, writes: readonly GraphWrite[], touch: Touch): WriteError | null {
  const { kind, key, turnedAt } = touch;
  if (draft.nodes.has(key) || turnedAt === null) return null;
  for (const relationship of attachedTo(draft, key)) {
    if (createdAt(draft, relationship.key) > turnedAt) continue;
    const path = pathTo(placeOf(writes, turnedAt), 'key');
    const message = `node ${key} still has relationship ${relationship.key}`;
    const otherKey = relationship.key;
    return { kind: 'HAS_RELATIONSHIPS', changeIndex: turnedAt, path, entity: { kind, key }, otherKey, message };
  }
  return null;
}

function turnOf(draft: Draft, node: string): number | null {
  return draft.touches.get(entityId({ kind: 'NODE', key: node }))?.turnedAt ?? null;
}

/** The write that created a relationship; -1 for one that was there before. */
function createdAt(draft: Draft, relationship: string): number {
  return draft.touches.get(entityId({ kind: 'RELATIONSHIP', key: relationship }))?.turnedAt ?? -1;
}

function placeOf(writes: readonly GraphWrite[], changeIndex: number): Place {
  const [field = ''] = Object.keys(writes[changeIndex] ?? {});
  return { changeIndex, field };
}
