/** Union-find over group numbers; the smallest of those joined is the number of them all. */
export class Groups {
  readonly #parents = new Map<bigint, bigint>();

  join(a: bigint, b: bigint): void {
    const [rootA, rootB] = [this.nameOf(a), this.nameOf(b)];
    if (rootA === rootB) return;
    const [low, high] = rootA < rootB ? [rootA, rootB] : [rootB, rootA];
    this.#parents.set(high, low);
  }

  nameOf(group: bigint): bigint {
    let name = group;
    for (let parent = this.#parents.get(name); parent !== undefined; parent = this.#parents.get(name)) name = parent;
    // Every number on the way is hung right under the name, so that later searches are short.
    for (let at = group; at !== name; ) {
      const next = this.#parents.get(at) ?? name;
      this.#parents.set(at, name);
      at = next;
    }
    return name;
  }

  /** Groups that became part of another, with its number. */
  *joined(): Iterable<{ readonly group: bigint; readonly into: bigint }> {
    for (const group of [...this.#parents.keys()]) yield { group, into: this.nameOf(group) };
  }
}
