import { type Aspect, sameAspect, textList } from './aspects.ts';
import { originText } from './origins.ts';
import type { PlanInput } from './plan-types.ts';
import { type AspectHistory, aspectHistory, putBackOrigin, standingAfter } from './replay.ts';
import type { Value } from './values.ts';

/** KEEP: live stays. TAKE: target is written. ASK: both sides changed it. */
export type VerdictKind = 'KEEP' | 'TAKE' | 'ASK';

/** What the rule says about one aspect that the undo set wrote. */
export interface Verdict {
  readonly aspect: Aspect;
  readonly kind: VerdictKind;
  readonly base: Value | null;
  readonly target: Value | null;
  readonly live: Value | null;
  /** The seq of the undo set's last write. */
  readonly baseSeq: bigint;
  /** The origin of `target`, as a plan stores it. */
  readonly origin: string;
  /** The seq that the window should reach back to; see EntityPlan. */
  readonly reach: bigint | null;
}

/** An aspect as it would be now if nothing in the undo set had happened. */
export interface Others {
  readonly value: Value | null;
  readonly origin: string;
}

/**
 * Base, target and live of an aspect, and what follows from them: the undo set wrote last, so target is taken; or others did, so live
 * stays where it is base or target or where the undo set changed nothing in the end, and a person decides about anything else.
 * Null when the undo set did not write the aspect.
 */
export function verdictOn(input: PlanInput, aspect: Aspect): Verdict | null {
  const history = aspectHistory(input, aspect);
  const { events } = history;
  if (!events.some(({ undone }) => undone)) return null;
  const { lastOurs, reach: reachOfOurs } = findLastOurs(history);
  const ours = events[lastOurs];
  const last = events.at(-1);
  if (ours === undefined || last === undefined) return null;
  const { value: target, root, reach } = standingAfter(history, lastOurs + 1, true);
  const base = ours.value;
  const live = last.value;
  const same = (a: Value | null, b: Value | null): boolean => isSame(aspect, a, b);
  const settled = same(live, target) || (last !== ours && (same(live, base) || same(base, target)));
  const kind = settled ? 'KEEP' : last === ours ? 'TAKE' : 'ASK';
  const origin = originText(putBackOrigin(history, root, (event, index) => event.undone || index > lastOurs));
  return { aspect, kind, base, target, live, baseSeq: ours.tx, origin, reach: lesser(reach, reachOfOurs) };
}

/**
 * The undo set's last write. A write is the undo set's if its transaction is in it, or if it put back what would not stand without the undo
 * set: a value whose origin is in it, or the effect of a rollback that is in it.
 */
function findLastOurs(history: AspectHistory): { lastOurs: number; reach: bigint | null } {
  let reach: bigint | null = null;
  for (let index = history.events.length - 1; index >= 0; index -= 1) {
    const event = history.events[index];
    if (event?.undone) return { lastOurs: index, reach };
    if (event === undefined || event.origin === null) continue;
    const real = standingAfter(history, index + 1, false);
    const without = standingAfter(history, index + 1, true);
    reach = lesser(reach, lesser(real.reach, without.reach));
    if (real.root !== without.root) return { lastOurs: index, reach };
  }
  return { lastOurs: -1, reach };
}

/** The lesser of two that may be absent. */
export function lesser(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

/** What others made of an aspect. */
export function withoutUndoSet(input: PlanInput, aspect: Aspect): Others {
  const history = aspectHistory(input, aspect);
  const { value, root } = standingAfter(history, history.events.length, true);
  return { value, origin: originText(putBackOrigin(history, root, ({ undone }) => undone)) };
}

/** Absent labels, which a deleted node has, are no labels where the node is there. */
function isSame(aspect: Aspect, a: Value | null, b: Value | null): boolean {
  if (aspect !== 'labels') return sameAspect(a, b);
  return sameAspect(a ?? textList([]), b ?? textList([]));
}
