import { type Aspect, aspectValue, sameAspect } from './aspects.ts';
import { type Origin, originOf } from './origins.ts';
import type { PlanInput } from './plan-types.ts';
import type { RecordedVersion } from './undo-set.ts';
import type { Value } from './values.ts';

/** A value together with the transaction that first wrote it. */
export interface Entry {
  readonly root: bigint;
  readonly value: Value | null;
}

/** One write of one aspect. `origin` is null unless it put back a value that `root` had written. */
export interface AspectEvent extends Entry {
  readonly tx: bigint;
  readonly origin: Origin | null;
  /** Its transaction is in the undo set. */
  readonly undone: boolean;
  /** Its transaction or the origin of its value is in the undo set. */
  readonly ours: boolean;
}

/** What happened to one aspect of one entity within the window. */
export interface AspectHistory {
  readonly start: Entry;
  readonly events: readonly AspectEvent[];
  readonly isUndone: (seq: bigint) => boolean;
}

/**
 * The writes of an aspect, in order. An entity that comes into being or vanishes has every aspect written, absent ones too. What `live`
 * has beyond the last version is one more write, by others.
 */
export function aspectHistory(input: Omit<PlanInput, 'inScope'>, aspect: Aspect): AspectHistory {
  const { from, versions, isUndone, live } = input;
  const first = versions[0];
  const before = first !== undefined && first.seq <= from ? first : null;
  const root = before === null ? from : originOf(before, aspect).root;
  const start: Entry = { root, value: aspectValue(before?.state ?? null, aspect) };
  const events: AspectEvent[] = [];
  let last: RecordedVersion | null = before;
  for (const version of before === null ? versions : versions.slice(1)) {
    if (isWritten(last?.state ?? null, version.state, aspect))
      events.push(eventOf(start, events, input, version, aspect));
    last = version;
  }
  if (isWritten(last?.state ?? null, live, aspect)) {
    const tx = (last?.seq ?? from) + 1n;
    events.push({ tx, root: tx, value: aspectValue(live, aspect), origin: null, undone: false, ours: false });
  }
  return { start, events, isUndone };
}

function isWritten(before: RecordedVersion['state'], after: RecordedVersion['state'], aspect: Aspect): boolean {
  if ((before === null) !== (after === null)) return true;
  return !sameAspect(aspectValue(before, aspect), aspectValue(after, aspect));
}

function eventOf(
  start: Entry,
  earlier: readonly AspectEvent[],
  { from, isUndone }: Pick<PlanInput, 'from' | 'isUndone'>,
  version: RecordedVersion,
  aspect: Aspect,
): AspectEvent {
  const tx = version.seq;
  const value = aspectValue(version.state, aspect);
  const undone = isUndone(tx);
  const origin = originOf(version, aspect);
  if (origin.root === tx) return { tx, root: tx, value, origin: null, undone, ours: undone };
  const root = placeOf(origin.root, from, start, earlier);
  return { tx, root, value, origin, undone, ours: undone || isUndone(origin.root) || isUndone(root) };
}

/** The write that stood at `seq`: an origin may name a moment at which the value was there, not only the moment it was written. */
function placeOf(seq: bigint, from: bigint, start: Entry, earlier: readonly AspectEvent[]): bigint {
  if (seq <= from) return seq >= start.root ? start.root : seq;
  return earlier.findLast((event) => event.tx <= seq)?.root ?? start.root;
}

/**
 * The writes that stand after `count` events, by root, the newest last; its value is the aspect's. With `without` set, as if nothing in
 * the undo set had happened. A write adds itself; a put-back takes away what came after its origin, and what it says in its corrections.
 * Empty when a rollback took back the start value itself.
 */
export function standing(history: AspectHistory, count: number, without: boolean): Entry[] {
  const { start, events, isUndone } = history;
  let stack: Entry[] = [start];
  for (const event of events.slice(0, count)) {
    if (without && event.undone) continue;
    if (event.origin !== null) {
      const { root, origin } = event;
      stack = stack.filter((entry) => entry.root <= root && !origin.without.includes(entry.root));
      for (const seq of origin.with) {
        if (!(without && isUndone(seq))) addBack(stack, history, seq);
      }
      if ((without && event.ours) || stack.at(-1)?.root === root) continue;
    }
    stack.push({ root: event.root, value: event.value });
  }
  return stack;
}

function addBack(stack: Entry[], { start, events }: AspectHistory, seq: bigint): void {
  const entry = seq === start.root ? start : events.find((event) => event.tx === seq);
  const at = stack.findIndex(({ root }) => root >= seq);
  if (entry === undefined || stack[at]?.root === seq) return;
  stack.splice(at === -1 ? stack.length : at, 0, { root: seq, value: entry.value });
}

/** The origin to record when the newest entry of `wanted` is put back now, in place of what really stands. */
export function putBackOrigin(history: AspectHistory, wanted: readonly Entry[]): Origin {
  const root = wanted.at(-1)?.root ?? history.start.root;
  const roots = new Set(wanted.map((entry) => entry.root));
  const real = standing(history, history.events.length, false).filter((entry) => entry.root < root);
  const kept = new Set(real.map((entry) => entry.root));
  return {
    root,
    without: [...kept].filter((seq) => !roots.has(seq)),
    with: [...roots].filter((seq) => seq !== root && !kept.has(seq)),
  };
}
