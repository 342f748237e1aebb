/** One constraint or index of a graph. */
export interface SchemaItem {
  readonly name: string;
  readonly kind: string;
  /** The command that makes it, or what stands in one. */
  readonly definition: string;
}

/** What happens to one item. Never both sides null. */
export interface SchemaChange {
  readonly before: SchemaItem | null;
  readonly after: SchemaItem | null;
}

/** What turns one schema into another, by name. An item of the same name and another definition is changed. */
export function schemaChanges(from: readonly SchemaItem[], to: readonly SchemaItem[]): SchemaChange[] {
  const wanted = new Map(to.map((item) => [item.name, item]));
  const present = new Set(from.map(({ name }) => name));
  const changes: SchemaChange[] = [];
  for (const before of from) {
    const after = wanted.get(before.name) ?? null;
    if (after === null || !sameItem(before, after)) changes.push({ before, after });
  }
  for (const after of to) if (!present.has(after.name)) changes.push({ before: null, after });
  return changes.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

export function sameItem(a: SchemaItem, b: SchemaItem): boolean {
  return a.name === b.name && a.kind === b.kind && a.definition === b.definition;
}

/** Of the item that changes. */
export function nameOf({ before, after }: SchemaChange): string {
  return (before ?? after)?.name ?? '';
}
