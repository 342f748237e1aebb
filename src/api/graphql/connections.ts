import type { ArgBuilder, ObjectRef } from '@pothos/core';
import { InvalidInputError } from '../../core/errors.ts';
import type { Page, PageRequest } from '../../core/moments.ts';
import { builder, type Types } from './builder.ts';
import type { CursorContent, Cursors } from './cursors.ts';

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 500;

export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export interface Edge<Node> {
  readonly node: Node;
  /** Written when it is asked for. */
  readonly cursor: () => string;
}

export interface Connection<Node> {
  readonly edges: readonly Edge<Node>[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Null where counting would not be cheap. */
  readonly totalCount: () => Promise<bigint | null> | bigint | null;
}

/** A page request read from arguments; `pin` is the head that the cursor carries. */
export interface CursorRequest<Position> {
  readonly page: PageRequest<Position>;
  readonly pin: bigint | null;
}

/** @throws InvalidInputError naming the argument */
export function readPage<Position>(args: PageArguments, cursors: Cursors<Position>): CursorRequest<Position> {
  const first = args.first ?? null;
  const last = args.last ?? null;
  if (first !== null && last !== null) throw InvalidInputError.field(['last'], 'cannot go with first');
  for (const [name, value] of [
    ['first', first],
    ['last', last],
  ] as const) {
    if (value !== null && (value < 1 || value > MAX_PAGE)) {
      throw InvalidInputError.field([name], `must be from 1 to ${MAX_PAGE}`);
    }
  }
  const read = (cursor: string | null | undefined, argument: string): CursorContent<Position> | null =>
    cursor === null || cursor === undefined ? null : cursors.read(cursor, argument);
  const after = read(args.after, 'after');
  const before = read(args.before, 'before');
  const page = {
    limit: last ?? first ?? DEFAULT_PAGE,
    ...(after === null ? {} : { after: after.position }),
    ...(before === null ? {} : { before: before.position }),
    ...(last === null ? {} : { backwards: true }),
  };
  return { page, pin: after?.pin ?? before?.pin ?? null };
}

/** The connection of a page that was read. `pin` goes into the cursors of connections that read live. */
export function toConnection<Item, Node, Position>(
  page: Page<Item>,
  request: PageRequest<Position>,
  cursors: Cursors<Position>,
  shape: {
    readonly node: (item: Item) => Node;
    readonly position: (item: Item) => Position;
    readonly total?: Connection<Node>['totalCount'];
    readonly pin?: bigint | null;
  },
): Connection<Node> {
  const backwards = request.backwards === true;
  return {
    edges: page.items.map((item) => ({
      node: shape.node(item),
      cursor: () => cursors.write(shape.position(item), shape.pin ?? null),
    })),
    hasNextPage: backwards ? request.before !== undefined : page.hasMore,
    hasPreviousPage: backwards ? page.hasMore : request.after !== undefined,
    totalCount: shape.total ?? (() => null),
  };
}

export const EMPTY_CONNECTION: Connection<never> = {
  edges: [],
  hasNextPage: false,
  hasPreviousPage: false,
  totalCount: () => 0n,
};

const PageInfo = builder.objectRef<Connection<unknown>>('PageInfo').implement({
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage'),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage'),
    startCursor: t.string({ nullable: true, resolve: ({ edges }) => edges[0]?.cursor() ?? null }),
    endCursor: t.string({ nullable: true, resolve: ({ edges }) => edges.at(-1)?.cursor() ?? null }),
  }),
});

/** The connection type `<name>Connection` with its edge type. */
export function connectionType<Node>(name: string, node: ObjectRef<Types, Node>): ObjectRef<Types, Connection<Node>> {
  const edge = builder.objectRef<Edge<Node>>(`${name}Edge`);
  edge.implement({
    fields: (t) => ({
      // Pothos cannot tell, for a Node it does not know yet, that a list of them or one of them is what is wanted.
      node: t.field({ type: node, resolve: (each) => each.node as never }),
      cursor: t.string({ resolve: (each) => each.cursor() }),
    }),
  });
  const connection = builder.objectRef<Connection<Node>>(`${name}Connection`);
  connection.implement({
    fields: (t) => ({
      edges: t.field({ type: [edge], resolve: (each) => [...each.edges] }),
      nodes: t.field({ type: [node], resolve: (each) => each.edges.map((one) => one.node) as never }),
      pageInfo: t.field({ type: PageInfo, resolve: (each) => each }),
      totalCount: t.field({ type: 'BigInt', nullable: true, resolve: (each) => each.totalCount() }),
    }),
  });
  return connection;
}

type ArgumentBuilder = ArgBuilder<Types>;

/** The arguments that every connection takes. */
export function pageArguments(arg: ArgumentBuilder) {
  return {
    first: arg.int({ description: `1 to ${MAX_PAGE}, ${DEFAULT_PAGE} unless told.` }),
    after: arg.string(),
    last: arg.int(),
    before: arg.string(),
  };
}
