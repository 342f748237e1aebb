import { type EntityId, type EntityRef, entityId } from '../../core/entities.ts';
import type { CapturedTransaction } from '../../core/recording-types.ts';

type Slice = readonly CapturedTransaction[];
type Read<Version> = (refs: readonly EntityRef[]) => Promise<ReadonlyMap<EntityId, Version>>;

interface Early<Version> {
  readonly asked: ReadonlySet<EntityId>;
  readonly found: ReturnType<Read<Version>>;
  /** Stored since the reading began: whether it saw them is not known. */
  readonly stored: Set<EntityId>;
}

/** The newest versions of what a slice changes, read while the slice before it is still being stored. */
export class EarlyReads<Version> {
  readonly #read: Read<Version>;
  readonly #begun = new Map<Slice, Early<Version>>();

  constructor(read: Read<Version>) {
    this.#read = read;
  }

  begin(slice: Slice, refs: readonly EntityRef[]): void {
    const found = this.#read(refs);
    // Awaited when its turn comes: until then nobody may take the error for an unhandled one.
    found.catch(() => {});
    this.#begun.set(slice, { asked: new Set(refs.map(entityId)), found, stored: new Set() });
  }

  /** To be told of everything that is stored. */
  stored(refs: readonly EntityRef[]): void {
    for (const early of this.#begun.values()) for (const ref of refs) early.stored.add(entityId(ref));
  }

  /** What is stored of `refs` now: what was not asked for when the slice was begun, or was stored since, is read anew. */
  async of(slice: Slice, refs: readonly EntityRef[]): Promise<ReadonlyMap<EntityId, Version>> {
    const early = this.#begun.get(slice);
    if (early === undefined) return this.#read(refs);
    const found = await early.found;
    const again = refs.filter((ref) => !early.asked.has(entityId(ref)) || early.stored.has(entityId(ref)));
    if (again.length === 0) return found;
    const known = new Map(found);
    for (const ref of again) known.delete(entityId(ref));
    return new Map([...known, ...(await this.#read(again))]);
  }

  end(slice: Slice): void {
    this.#begun.delete(slice);
  }

  /** No reading is under way any more when this resolves. */
  async endAll(): Promise<void> {
    const begun = [...this.#begun.values()];
    this.#begun.clear();
    await Promise.allSettled(begun.map(({ found }) => found));
  }
}
