/** Union-find over row numbers; the smallest number of a group is its name. */
export class Groups {
  readonly #parents = new Map<bigint, bigint>();

  join(a: bigint, b: bigint): void {
    const [rootA, rootB] = [this.nameOf(a), this.nameOf(b)];
    if (rootA === rootB) return;
    const [low, high] = rootA < rootB ? [rootA, rootB] : [rootB, rootA];
    this.#parents.set(high, low);
  }

  nameOf(row: bigint): bigint {
    let name = row;
    for (let parent = this.#parents.get(name); parent !== undefined; parent = this.#parents.get(name)) name = parent;
    // Every row on the way is hung right under the name, so that later searches are short.
    for (let at = row; at !== name; ) {
      const next = this.#parents.get(at) ?? name;
      this.#parents.set(at, name);
      at = next;
    }
    return name;
  }

  /** Rows that are in another's group, with its name. */
  *members(): Iterable<{ readonly row: bigint; readonly group: bigint }> {
    for (const row of [...this.#parents.keys()]) yield { row, group: this.nameOf(row) };
  }
}
