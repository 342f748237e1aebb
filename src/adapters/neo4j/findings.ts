import type { CaptureFinding } from '../../ports/knowledge-graph.ts';

/** What is found of keys is kept until it is looked at: so much at most. */
const MOST = 100;
/** Where the gaps go for which there is no room: the newest of them is there, which nobody settles who has seen an earlier one. */
const REST = 'REST';

/** What a capture has come across and tells when it is inspected. */
export class Findings {
  readonly #found = new Map<string, CaptureFinding>();

  /** @param id of two findings with one id the later one counts */
  add(id: string, finding: CaptureFinding): void {
    if (this.#found.size < MOST || this.#found.has(id)) this.#found.set(id, finding);
    else if (finding.gap) this.#found.set(this.#makeRoom() ? id : REST, finding);
  }

  /** Several entities have one of these keys, all but one of which are left out. */
  addDoubled(keyProperty: string, keys: readonly string[]): void {
    const message = `several entities have the same ${keyProperty}: all but one are left out`;
    for (const key of keys) this.add(`KEY_DOUBLED:${key}`, { kind: 'KEY_DOUBLED', message, key, gap: false });
  }

  /** A gap that is not told would be a promise: what is none gives way. */
  #makeRoom(): boolean {
    const [spare] = [...this.#found].find(([, { gap }]) => !gap) ?? [];
    return spare !== undefined && this.#found.delete(spare);
  }

  settle(incidents: ReadonlySet<string>): void {
    for (const [id, { incident = '' }] of this.#found) if (incidents.has(incident)) this.#found.delete(id);
  }

  all(): readonly CaptureFinding[] {
    return [...this.#found.values()];
  }
}
