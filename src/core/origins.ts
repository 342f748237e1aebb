import { type Aspect, aspectsOf, isChanged } from './aspects.ts';
import type { EntityState } from './entities.ts';
import type { Origins, RecordedVersion } from './undo-set.ts';

/** All writes of the aspect with first <= seq <= last. */
export interface SeqRange {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * Where a value comes from, and what putting it back took away: every write of the aspect since `standing`, and those in `taken`, which lie
 * before it. See docs/decisions/005-put-back-values.md. Text form: the root alone when `standing` is the root and nothing else is taken,
 * else as `12@15-3-5..7`.
 */
export interface Origin {
  /** The transaction that first wrote the value. */
  readonly root: bigint;
  /** The moment since which nothing stands any more. */
  readonly standing: bigint;
  readonly taken: readonly SeqRange[];
}

const ROOT_ALONE = /^\d+$/;
const FORM = /^(\d+)(?:@(\d+))?((?:-\d+(?:\.\.\d+)?)*)$/;

/** @throws RangeError for a text that `originText` did not make */
export function parseOrigin(text: string): Origin {
  // Nearly all are: what was never put back.
  if (ROOT_ALONE.test(text)) {
    const root = BigInt(text);
    return { root, standing: root, taken: [] };
  }
  const [, root, standing = root, taken = ''] = FORM.exec(text) ?? [];
  if (root === undefined || standing === undefined) throw new RangeError(`not an origin: ${text}`);
  const ranges = taken.split('-').slice(1);
  return {
    root: BigInt(root),
    standing: BigInt(standing),
    taken: ranges.map((range) => {
      const [first = '', last = first] = range.split('..');
      return { first: BigInt(first), last: BigInt(last) };
    }),
  };
}

export function originText({ root, standing, taken }: Origin): string {
  const ranges = taken.map(({ first, last }) => (first === last ? `-${first}` : `-${first}..${last}`));
  return `${root}${standing === root ? '' : `@${standing}`}${ranges.join('')}`;
}

/** What a version says about an aspect that it holds; null when its own transaction wrote it. */
export function originOf(version: RecordedVersion, aspect: Aspect): Origin | null {
  const text = version.origins?.[aspect];
  return text === undefined ? null : parseOrigin(text);
}

/** The transaction that first wrote what a version holds for an aspect; for an absent property, one that found it absent. */
export function rootOf(version: RecordedVersion, aspect: Aspect): bigint {
  return originOf(version, aspect)?.root ?? version.seq;
}

/** As `rootOf`, in the text form that needs no parsing. */
function rootText(version: RecordedVersion, aspect: Aspect): string {
  const text = version.origins?.[aspect];
  if (text === undefined || ROOT_ALONE.test(text)) return text ?? `${version.seq}`;
  return `${parseOrigin(text).root}`;
}

/**
 * What the recorder stores as `origins` of a version: for every aspect whose value the version's transaction did not itself write, the
 * transaction that did. Aspects that it leaves as they were carry the root of the previous version on; aspects that it changes take theirs
 * from `putBack` (the plan row's origins, for a rollback's transaction). Null when it wrote everything itself.
 */
export function originsAfter(
  previous: RecordedVersion | null,
  after: EntityState | null,
  putBack: Origins | null,
): Origins | null {
  const before = previous?.state ?? null;
  // Coming into being or vanishing writes every aspect, those too that were absent before and are absent after.
  const writesAll = (before === null) !== (after === null);
  const entries = Object.entries(putBack ?? {}).filter(([aspect]) => writesAll || isChanged(before, after, aspect));
  if (previous === null) return entries.length === 0 ? null : Object.fromEntries(entries);
  for (const aspect of aspectsOf(after)) {
    if (!isChanged(before, after, aspect)) entries.push([aspect, rootText(previous, aspect)]);
  }
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
