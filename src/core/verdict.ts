import { type Aspect, sameAspect } from './aspects.ts';
import { originText } from './origins.ts';
import type { PlanInput } from './plan-types.ts';
import { type AspectHistory, aspectHistory, type Entry, putBackOrigin, standing } from './replay.ts';
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
  /** Whether others wrote it within the window. */
  readonly written: boolean;
}

/**
 * Base, target and live of an aspect, and what follows from them: the undo set wrote last, so target is taken; or others did, so live
 * stays where it is base or target or where the undo set changed nothing in the end, and a person decides about anything else.
 * Null when the undo set did not write the aspect.
 */
export function verdictOn(input: PlanInput, aspect: Aspect): Verdict | null {
  const history = aspectHistory(input, aspect);
  const { events } = history;
  const lastOurs = events.findLastIndex((event) => event.ours);
  const ours = events[lastOurs];
  const last = events.at(-1);
  if (ours === undefined || last === undefined) return null;
  const stack = standing(history, lastOurs + 1, true);
  const { value: target } = topOf(history, stack);
  const base = ours.value;
  const live = last.value;
  const untouched = sameAspect(live, target) || (last !== ours && (sameAspect(live, base) || sameAspect(base, target)));
  const kind = untouched ? 'KEEP' : last === ours ? 'TAKE' : 'ASK';
  const origin = originText(putBackOrigin(history, stack));
  return {
    aspect,
    kind,
    base,
    target,
    live,
    baseSeq: ours.tx,
    origin,
    reach: stack.length === 0 ? history.start.root : null,
  };
}

/** What others made of an aspect. */
export function withoutUndoSet(input: PlanInput, aspect: Aspect): Others {
  const history = aspectHistory(input, aspect);
  const stack = standing(history, history.events.length, true);
  const { value, root } = topOf(history, stack);
  return { value, origin: originText(putBackOrigin(history, stack)), written: root > input.from };
}

function topOf(history: AspectHistory, stack: readonly Entry[]): Entry {
  return stack.at(-1) ?? history.start;
}
