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
  const corrections = (text.match(SIGNED) ?? []).map((part): [string, bigint] => [
    part.charAt(0),
    BigInt(part.slice(1)),
  ]);
  return {
    root: BigInt(text.replace(SIGNED, '')),
    without: corrections.filter(([sign]) => sign === '-').map(([, seq]) => seq),
    with: corrections.filter(([sign]) => sign === '+').map(([, seq]) => seq),
  };
}

export function originText(origin: Origin): string {
  return [`${origin.root}`, ...origin.without.map((seq) => `-${seq}`), ...origin.with.map((seq) => `+${seq}`)].join('');
}

/** The origin of what a version holds for an aspect. What vanished with its entity shares the root of the absence. */
export function originOf(version: RecordedVersion, aspect: Aspect): Origin {
  const own = version.origins?.[aspect];
  if (own !== undefined) return parseOrigin(own);
  const absence = version.state === null ? version.origins?.existence : undefined;
  return { root: absence === undefined ? version.seq : parseOrigin(absence).root, without: [], with: [] };
}

/**
 * What the recorder stores as `origins` of a version: for every aspect whose value the version's transaction did not itself write, the
 * transaction that did. Aspects that it leaves as they were carry the origin of the previous version on; aspects that it changes take
 * theirs from `putBack` (the plan row's origins, for a rollback's transaction). Null when it wrote everything itself.
 */
export function originsAfter(
  previous: RecordedVersion | null,
  after: EntityState | null,
  putBack: Origins | null,
): Origins | null {
  const before = previous?.state ?? null;
  const changed = new Set<string>(changedAspects(before, after));
  // Coming into being or vanishing writes every aspect, those too that were absent before and are absent after.
  const writesAll = (before === null) !== (after === null);
  const entries = Object.entries(putBack ?? {}).filter(([aspect]) => writesAll || changed.has(aspect));
  for (const aspect of aspectsOf(after)) {
    if (previous !== null && !changed.has(aspect)) entries.push([aspect, `${originOf(previous, aspect).root}`]);
  }
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
