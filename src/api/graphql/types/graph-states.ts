import { type Decoded, decodeValue } from '../../../core/decode.ts';
import type { EntityKind, NodeState, RelationshipState } from '../../../core/entities.ts';
import { InvalidInputError } from '../../../core/errors.ts';
import type { At, Moment } from '../../../core/moments.ts';
import { type Connection, type PageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { Cursors, textCodec } from '../cursors.ts';
import { type AtShape, readAtOrNull } from '../inputs/at.ts';
import { nameOrNull, readName } from '../inputs/names.ts';
import type { NameCountShape } from './connections.ts';
import type { EntityAt } from './refs.ts';

export const LIVE: At = { keyword: 'LIVE' };

interface AtArgument {
  readonly at?: AtShape | null | undefined;
}

/** The moment that a page reads: the one in its cursor, so that pages of the live graph do not shift, or else the one asked for. */
async function momentOfPage(
  context: ApiContext,
  graphId: number,
  at: AtShape | null | undefined,
  pin: bigint | null,
): Promise<Moment> {
  if (pin === null) return context.loaders.resolve(graphId, readAtOrNull(at, ['at']) ?? LIVE, ['at']);
  const pinned = await context.loaders.momentOf(graphId, pin);
  if (pinned === null) throw InvalidInputError.field(['after'], 'is a cursor of a moment that is not recorded');
  return pinned;
}

/** The entity of a key, a node before a relationship when the kind is not told. */
export async function entity(
  graphId: number,
  args: AtArgument & { readonly key: string; readonly kind?: EntityKind | null | undefined },
  context: ApiContext,
): Promise<EntityAt | null> {
  const at = await momentOfPage(context, graphId, args.at, null);
  const key = readName(args.key, ['key']);
  const kinds: readonly EntityKind[] = args.kind ? [args.kind] : ['NODE', 'RELATIONSHIP'];
  for (const kind of kinds) {
    const state = await context.loaders.state({ graphId, seq: at.seq }, kind, key);
    if (state !== null) return { graphId, at, state };
  }
  return null;
}

interface NodeArguments extends PageArguments, AtArgument {
  readonly label?: string | null | undefined;
  readonly where?: { readonly name: string; readonly value?: unknown } | null | undefined;
}

export async function listNodes(
  graphId: number,
  { label: labelled, where, at: given, ...args }: NodeArguments,
  context: ApiContext,
): Promise<Connection<EntityAt<NodeState>>> {
  const label = nameOrNull(labelled, ['label']);
  const cursors = new Cursors('Graph.nodes', String(graphId), { label, where, at: given }, textCodec);
  const { page, pin } = readPage(args, cursors);
  const match =
    where === null || where === undefined
      ? null
      : { name: readName(where.name, ['where', 'name']), value: decoded(where.value) };
  const at = await momentOfPage(context, graphId, given, pin);
  const filter = { kind: 'NODE', ...(label !== null && { label }), ...(match && { where: match }) } as const;
  const read = await context.services.graphs.scanAt(graphId, at.seq, filter, page);
  return toConnection(read, page, cursors, {
    // The filter asks for nodes only.
    node: (state) => ({ graphId, at, state: state as NodeState }),
    position: ({ key }) => key,
    pin: at.seq,
    total: async () =>
      label !== null || match !== null
        ? null
        : ((await context.loaders.transaction(graphId, at.seq))?.nodeCount ?? null),
  });
}

export async function listRelationships(
  graphId: number,
  { type: typed, at: given, ...args }: PageArguments & AtArgument & { readonly type?: string | null | undefined },
  context: ApiContext,
): Promise<Connection<EntityAt<RelationshipState>>> {
  const type = nameOrNull(typed, ['type']);
  const cursors = new Cursors('Graph.relationships', String(graphId), { type, at: given }, textCodec);
  const { page, pin } = readPage(args, cursors);
  const at = await momentOfPage(context, graphId, given, pin);
  const filter = { kind: 'RELATIONSHIP', ...(type !== null && { type }) } as const;
  const read = await context.services.graphs.scanAt(graphId, at.seq, filter, page);
  return toConnection(read, page, cursors, {
    // The filter asks for relationships only.
    node: (state) => ({ graphId, at, state: state as RelationshipState }),
    position: ({ key }) => key,
    pin: at.seq,
    total: async () =>
      type !== null ? null : ((await context.loaders.transaction(graphId, at.seq))?.relationshipCount ?? null),
  });
}

/** Labels of the live graph. */
export function listLabels(graphId: number, args: PageArguments, context: ApiContext) {
  return listNames('Graph.labels', graphId, 'L', args, context);
}

export function listRelationshipTypes(graphId: number, args: PageArguments, context: ApiContext) {
  return listNames('Graph.relationshipTypes', graphId, 'T', args, context);
}

async function listNames(
  connection: string,
  graphId: number,
  kind: 'L' | 'T',
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<NameCountShape>> {
  const cursors = new Cursors(connection, String(graphId), null, textCodec);
  const { page } = readPage(args, cursors);
  const read = await context.history.names(graphId, kind, page);
  return toConnection(read, page, cursors, { node: (item) => item, position: ({ name }) => name });
}

function decoded(json: unknown): Extract<Decoded, { ok: true }>['value'] {
  const result = decodeValue(json);
  if (result.ok) return result.value;
  throw InvalidInputError.field(['where', 'value', ...result.path.map(String)], result.message);
}
