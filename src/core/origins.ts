import { type Aspect, aspectsOf, changedAspects } from './aspects.ts';
import type { EntityState } from './entities.ts';
import type { Origins, RecordedVersion } from './undo-set.ts';

/**
 * Where a value comes from: the transaction that first wrote it. A put-back value also says which earlier writes that origin no longer
 * stands on (`without`) or stands on again (`with`); see docs/decisions/005-put-back-values.md. Text form: `12`, `12-3-5+7`.
 */
export interface Origin {
  readonly root: bigint;
  readonly without: readonly bigint[];
  readonly with: readonly bigint[];
}

const SIGNED = /[-+]\d+/g;

export function parseOrigin(text: string): Origin {
  const corrections = (text.match(SIGNED) ?? []).map((part): [string, bigint] => [part.charAt(0), BigInt(part.slice(1))]);
  return {
    root: BigInt(text.replace(SIGNED, '')),
    without: corrections.filter(([sign]) => sign === '-').map(([, seq]) => seq),
    with: corrections.filter(([sign]) => sign === '+').map(([, seq]) => seq),
  };
}

export function originText(origin: Origin): string {
  return [`${origin.root}`, ...origin.without.map((seq) => `-${seq}`), ...origin.with.map((seq) => `+${seq}`)].join('');
}

/** The origin of what a version holds for an aspect. What vanishes with its entity shares the origin of the absence. */
export function originOf(version: RecordedVersion, aspect: Aspect): Origin {
  const text = version.origins?.[aspect] ?? (version.state === null ? version.origins?.['existence'] : undefined);
  return text === undefined ? { root: version.seq, without: [], with: [] } : parseOrigin(text);
}

/**
 * What the recorder stores as `origins` of the version that transaction `seq` makes: for every aspect whose value it did not itself write,
 * the transaction that did. Aspects that it leaves as they were carry the origin of the previous version on; aspects that it changes take
 * theirs from `putBack` (the plan row's origins, for a rollback's transaction). Null when it wrote everything itself.
 */
export function originsAfter(
  previous: RecordedVersion | null,
  after: EntityState | null,
  putBack: Origins | null,
): Origins | null {
  const before = previous?.state ?? null;
  const changed = new Set(changedAspects(before, after));
  const entries: [string, string][] = [];
  for (const aspect of changed) {
    const origin = putBack?.[aspect];
    if (origin !== undefined) entries.push([aspect, origin]);
  }
  for (const aspect of aspectsOf(after)) {
    if (previous !== null && !changed.has(aspect)) entries.push([aspect, `${originOf(previous, aspect).root}`]);
  }
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
