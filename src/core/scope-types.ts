export type Direction = 'IN' | 'OUT' | 'BOTH';

/** Nodes within `hops` relationships of `keys`, and the relationships walked; `types` absent: of any type. */
export interface NeighbourhoodQuery {
  readonly keys: readonly string[];
  readonly hops: number;
  readonly types?: readonly string[];
  readonly direction: Direction;
}

/**
 * Which part of the graph a diff, a plan or a listing speaks of: a predicate over (entity, aspect). The fields of one object are all
 * required; the items of a list are alternatives.
 *
 * - keys, labels, relationshipTypes and neighbourhood look at the entity and answer the same for each of its aspects.
 * - labels match a node that has one of them, and a relationship with an end that has; relationshipTypes match no node.
 * - properties look at the aspect only: they match the properties named, so existence, labels and ends are out.
 * - all, any and not combine predicates aspect by aspect: `not: {properties: ["x"]}` is everything except property x.
 *
 * An entity is in scope if one of its aspects is.
 */
export interface Scope {
  readonly keys?: readonly string[];
  readonly labels?: readonly string[];
  readonly relationshipTypes?: readonly string[];
  readonly properties?: readonly string[];
  readonly neighbourhood?: NeighbourhoodQuery;
  readonly all?: readonly Scope[];
  readonly any?: readonly Scope[];
  readonly not?: Scope;
}
