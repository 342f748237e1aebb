import { expect } from '@jest/globals';
import { changedAspects } from '../../src/core/aspects.ts';
import { type EntityChange, type EntityId, type EntityState, entityId } from '../../src/core/entities.ts';
import type { RecordedChange } from '../../src/ports/history.ts';

/** Everything in a graph at a moment. */
export type States = ReadonlyMap<EntityId, EntityState>;

/** No relationship without its ends. */
export function expectWhole(states: States): void {
  for (const state of states.values()) {
    if (state.kind === 'NODE') continue;
    expect([states.has(`n:${state.start}`), states.has(`n:${state.end}`)]).toEqual([true, true]);
  }
}

/** The graph after these changes. */
export function applied(states: States, changes: readonly EntityChange[]): States {
  const result = new Map(states);
  for (const change of changes) {
    if (change.after === null) result.delete(entityId(change));
    else result.set(entityId(change), change.after);
  }
  return result;
}

/**
 * What the transactions `ours` wrote over a write by others that came after `head`: none, where that is skipped. That others have taken its
 * labels away keeps no node from vanishing: there is nothing of theirs in it.
 */
export function overwritten(changes: readonly RecordedChange[], head: bigint, ours: ReadonlySet<bigint>): string[] {
  const last = new Map<string, bigint>();
  const found: string[] = [];
  for (const change of changes) {
    for (const aspect of changedAspects(change.before, change.after)) {
      const name = `${entityId(change)} ${aspect}`;
      const before = last.get(name) ?? 0n;
      const isNothing = aspect === 'labels' && change.after === null && hasNoLabels(change.before);
      if (ours.has(change.seq) && before > head && !ours.has(before) && !isNothing)
        found.push(`${name} of ${before} by ${change.seq}`);
      last.set(name, change.seq);
    }
  }
  return found;
}

const hasNoLabels = (state: EntityState | null): boolean => state?.kind === 'NODE' && state.labels.length === 0;

/** What an entity was before and after. */
export const statesOf = ({ before, after }: RecordedChange): EntityState[] =>
  [before, after].filter((state) => state !== null);

export const hasAny = (state: EntityState, labels: readonly string[]): boolean =>
  state.kind === 'NODE' && state.labels.some((label) => labels.includes(label));
