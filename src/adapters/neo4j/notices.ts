import type { CaptureFinding, CaptureNotices } from '../../ports/knowledge-graph.ts';

/** What is not fetched is kept up to so many. */
const MOST = 100;
/** Where the gaps go for which there is no room: the newest of them is there. */
const REST = 'REST';

/** See CaptureNotices. Of one kind and key the latest counts. */
export class Notices implements CaptureNotices {
  readonly #found = new Map<string, CaptureFinding>();
  /** Of which reading a gap was found by. */
  readonly #readings = new WeakMap<CaptureFinding, object>();

  /** @param reading what it was found by, for `abandon` */
  add(finding: CaptureFinding, reading?: object): void {
    if (reading !== undefined) this.#readings.set(finding, reading);
    const id = `${finding.kind}:${finding.key ?? ''}`;
    if (this.#found.size < MOST || this.#found.has(id)) this.#found.set(id, finding);
    else if (finding.gap) this.#found.set(this.#makeRoom() ? id : REST, finding);
  }

  /** Several entities have one of these keys, all but one of which are left out. */
  addDoubled(keyProperty: string, keys: readonly string[]): void {
    const message = `several entities have the same ${keyProperty}: all but one are left out`;
    for (const key of keys) this.add({ kind: 'KEY_DOUBLED', message, key, gap: false });
  }

  all(): readonly CaptureFinding[] {
    return [...this.#found.values()];
  }

  /** What came since under the name of one of these stays: it is another one. */
  forget(stored: readonly CaptureFinding[]): void {
    const known = new Set(stored);
    for (const [id, finding] of this.#found) if (known.has(finding)) this.#found.delete(id);
  }

  /** Nothing of what this reading found will be acknowledged, so whoever reads next finds it: if it is not stored by now, it is theirs to tell. */
  abandon(reading: object): void {
    for (const [id, finding] of this.#found) if (this.#readings.get(finding) === reading) this.#found.delete(id);
  }

  /** A gap that is not told would be a promise: what is none gives way. */
  #makeRoom(): boolean {
    const [spare] = [...this.#found].find(([, { gap }]) => !gap) ?? [];
    return spare !== undefined && this.#found.delete(spare);
  }
}
