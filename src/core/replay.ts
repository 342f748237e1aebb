import { type Aspect, aspectValue, isChanged } from './aspects.ts';
import type { EntityState } from './entities.ts';
import { type Origin, originOf, rootOf, type SeqRange } from './origins.ts';
import type { PlanInput } from './plan-types.ts';
import type { RecordedVersion } from './undo-set.ts';
import type { Value } from './values.ts';

/** One write of one aspect. */
export interface AspectEvent {
  readonly tx: bigint;
  readonly value: Value | null;
  /** Null for an ordinary write. A put-back takes earlier writes away instead of adding one. */
  readonly origin: Origin | null;
  /** Its transaction is in the undo set. */
  readonly undone: boolean;
}

/** What happened to one aspect of one entity within the window. */
export interface AspectHistory {
  readonly from: bigint;
  readonly start: Standing;
  readonly events: readonly AspectEvent[];
}

/** The value of an aspect and the transaction that first wrote it. */
export interface Standing {
  readonly root: bigint;
  readonly value: Value | null;
  /** The seq that the window must reach back to for the value to be exact; null when it is. */
  readonly reach: bigint | null;
}

/**
 * The writes of an aspect, in order. An entity that comes into being or vanishes has every aspect written, absent ones too; these come from
 * where its existence does unless the version says otherwise. What `live` has beyond the last version is one more write, by others.
 */
export function aspectHistory(input: Omit<PlanInput, 'inScope' | 'ref'>, aspect: Aspect): AspectHistory {
  const { from, versions, isUndone, live } = input;
  const first = versions[0];
  const before = first !== undefined && first.seq <= from ? first : null;
  const root = before === null ? 0n : startRoot(before, aspect);
  const events: AspectEvent[] = [];
  let state = before?.state ?? null;
  for (const version of before === null ? versions : versions.slice(1)) {
    if (isWritten(state, version.state, aspect)) {
      const turned = (state === null) !== (version.state === null);
      events.push({
        tx: version.seq,
        value: aspectValue(version.state, aspect),
        origin: writtenOrigin(version, aspect, turned),
        undone: isUndone(version.seq),
      });
    }
    state = version.state;
  }
  if (isWritten(state, live, aspect)) {
    const tx = (versions.at(-1)?.seq ?? from) + 1n;
    events.push({ tx, value: aspectValue(live, aspect), origin: null, undone: false });
  }
  return { from, start: { root, value: aspectValue(before?.state ?? null, aspect), reach: null }, events };
}

/** What an entity lacks as it comes into being or vanishes comes from where its existence does, unless the version says otherwise. */
function writtenOrigin(version: RecordedVersion, aspect: Aspect, turned: boolean): Origin | null {
  const implied = turned && aspectValue(version.state, aspect) === null;
  return originOf(version, aspect) ?? (implied ? originOf(version, 'existence') : null);
}

function startRoot(before: RecordedVersion, aspect: Aspect): bigint {
  if (before.state !== null) return rootOf(before, aspect);
  return writtenOrigin(before, aspect, true)?.root ?? before.seq;
}

function isWritten(before: EntityState | null, after: EntityState | null, aspect: Aspect): boolean {
  if ((before === null) !== (after === null)) return true;
  return isChanged(before, after, aspect);
}

/**
 * What an aspect holds after its first `count` events; with `without` set, as if nothing in the undo set had happened.
 *
 * A put-back that stands takes its writes away, ordinary ones and put-backs alike; a put-back that was taken away itself takes nothing. So it
 * is settled from the last event to the first which of them stand, and the last ordinary write that stands gives the value.
 */
export function standingAfter(history: AspectHistory, count: number, without: boolean): Standing {
  const putBacks: (AspectEvent & { readonly origin: Origin })[] = [];
  for (let index = count - 1; index >= 0; index -= 1) {
    const event = history.events[index];
    if (event === undefined || (without && event.undone)) continue;
    if (putBacks.some(({ origin }) => takes(origin, event.tx))) continue;
    if (event.origin === null) return { root: event.tx, value: event.value, reach: null };
    putBacks.push({ ...event, origin: event.origin });
  }
  return standingBefore(history, putBacks);
}

/** Nothing of the window stands: what stood at its start, unless the put-backs that stand (newest first) reach back further. */
function standingBefore(
  { from, start }: AspectHistory,
  putBacks: readonly { readonly value: Value | null; readonly origin: Origin }[],
): Standing {
  const back = putBacks.find(({ origin }) => firstTaken(origin) <= from);
  if (back === undefined) return start;
  const { value, origin } = back;
  // It took away all of the window before it, so what it put back does not depend on the window.
  if (origin.standing <= from) return { root: origin.root, value, reach: null };
  return { ...start, reach: firstTaken(origin) };
}

/** Ranges are in order and lie before `standing`. */
function firstTaken({ standing, taken }: Origin): bigint {
  return taken[0]?.first ?? standing + 1n;
}

function takes({ standing, taken }: Origin, seq: bigint): boolean {
  return seq > standing || taken.some(({ first, last }) => first <= seq && seq <= last);
}

/** The origin to record when `value` is put back by taking away the events for which `isTaken` holds. */
export function putBackOrigin(
  { from, events }: AspectHistory,
  root: bigint,
  isTaken: (event: AspectEvent, index: number) => boolean,
): Origin {
  const kept = events.findLastIndex((event, index) => !isTaken(event, index));
  const taken: SeqRange[] = [];
  let open = false;
  for (const [index, event] of events.slice(0, Math.max(kept, 0)).entries()) {
    const previous = taken.at(-1);
    if (!isTaken(event, index)) open = false;
    else if (open && previous !== undefined) taken[taken.length - 1] = { first: previous.first, last: event.tx };
    else {
      taken.push({ first: event.tx, last: event.tx });
      open = true;
    }
  }
  return { root, standing: events[kept]?.tx ?? from, taken };
}
