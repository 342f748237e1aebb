import type { EntityState, NodeState, RelationshipState } from '../../../core/entities.ts';
import { NotFoundError } from '../../../core/errors.ts';
import { stateHashHex } from '../../../core/hash.ts';
import { builder } from '../builder.ts';
import { type Connection, type PageArguments, pageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { bigintCodec, Cursors, textCodec } from '../cursors.ts';
import { entityGlobalId } from '../ids.ts';
import { nameOrNull } from '../inputs/names.ts';
import { EntityStateRef } from './change.ts';
import {
  EntityVersionConnection,
  EntityVersionRef,
  GraphRelationshipConnection,
  type TimelineAt,
} from './connections.ts';
import { Direction } from './enums.ts';
import { MomentRef } from './moment.ts';
import { type EntityAt, GraphNodeRef, GraphRelationshipRef, NodeInterface, TransactionRef } from './refs.ts';
import { PropertyRef, propertyList, propertyValue, ValueRef } from './value.ts';

const ID = 'Covers graph, kind, key and moment.';

export const EntityInterface = builder.interfaceRef<EntityAt>('Entity').implement({
  interfaces: [NodeInterface],
  resolveType: ({ state }) => (state.kind === 'NODE' ? 'GraphNode' : 'GraphRelationship'),
  fields: (t) => ({
    id: t.id({ description: ID, resolve: idOf }),
    key: t.id({ resolve: ({ state }) => state.key }),
    at: t.expose('at', { type: MomentRef, nullable: true, description: 'The moment at which this is read.' }),
    hash: t.string({ description: 'SHA-256 over the canonical state.', resolve: ({ state }) => stateHashHex(state) }),
    history: t.field({
      type: EntityVersionConnection,
      description: 'Newest first.',
      args: pageArguments(t.arg),
      resolve: (entity, args, context) => history(entity, args, context),
    }),
  }),
});

GraphNodeRef.implement({
  interfaces: [EntityInterface, NodeInterface],
  isTypeOf: (value) => isEntity(value, 'NODE'),
  fields: (t) => ({
    id: t.id({ description: ID, resolve: idOf }),
    labels: t.stringList({ resolve: ({ state }) => [...state.labels] }),
    properties: t.field({ type: [PropertyRef], resolve: ({ state }) => propertyList(state.properties) }),
    property: t.field({
      type: ValueRef,
      nullable: true,
      args: { name: t.arg.string({ required: true }) },
      resolve: ({ state }, { name }) => propertyValue(state.properties, name),
    }),
    relationships: t.field({
      type: GraphRelationshipConnection,
      args: { direction: t.arg({ type: Direction }), type: t.arg.string(), ...pageArguments(t.arg) },
      resolve: (node, args, context) => relationships(node, args, context),
    }),
  }),
});

GraphRelationshipRef.implement({
  interfaces: [EntityInterface, NodeInterface],
  isTypeOf: (value) => isEntity(value, 'RELATIONSHIP'),
  fields: (t) => ({
    id: t.id({ description: ID, resolve: idOf }),
    type: t.string({ resolve: ({ state }) => state.type }),
    start: t.field({ type: GraphNodeRef, resolve: (entity, _, context) => end(entity, entity.state.start, context) }),
    end: t.field({ type: GraphNodeRef, resolve: (entity, _, context) => end(entity, entity.state.end, context) }),
    properties: t.field({ type: [PropertyRef], resolve: ({ state }) => propertyList(state.properties) }),
  }),
});

EntityVersionRef.implement({
  fields: (t) => ({
    from: t.field({ type: MomentRef, resolve: ({ entry }) => entry.from }),
    to: t.field({ type: MomentRef, nullable: true, resolve: ({ entry }) => entry.to }),
    state: t.field({ type: EntityStateRef, nullable: true, resolve: ({ entry }) => entry.state }),
    transaction: t.field({
      type: TransactionRef,
      nullable: true,
      resolve: ({ graphId, entry }, _, context) => context.loaders.transaction(graphId, entry.from.seq),
    }),
  }),
});

function idOf({ graphId, at, state }: EntityAt): string {
  return entityGlobalId(state.kind, { graphId, seq: at.seq, key: state.key });
}

function isEntity(value: unknown, kind: EntityState['kind']): boolean {
  if (typeof value !== 'object' || value === null || !('state' in value) || !('at' in value)) return false;
  const { state } = value;
  return typeof state === 'object' && state !== null && 'kind' in state && state.kind === kind;
}

async function history(entity: EntityAt, args: PageArguments, context: ApiContext): Promise<Connection<TimelineAt>> {
  const { graphId, state } = entity;
  const cursors = new Cursors('Entity.history', `${graphId} ${state.kind} ${state.key}`, null, bigintCodec);
  const { page } = readPage(args, cursors);
  const read = await context.loaders.timeline({ graphId, kind: state.kind, page }, state.key);
  return toConnection(read, page, cursors, {
    node: (entry) => ({ graphId, entry }),
    position: (entry) => entry.from.seq,
  });
}

interface RelationshipArguments extends PageArguments {
  readonly direction?: 'IN' | 'OUT' | 'BOTH' | null | undefined;
  readonly type?: string | null | undefined;
}

async function relationships(
  { graphId, at, state }: EntityAt<NodeState>,
  args: RelationshipArguments,
  context: ApiContext,
): Promise<Connection<EntityAt<RelationshipState>>> {
  const direction = args.direction ?? 'BOTH';
  const type = nameOrNull(args.type, ['type']);
  const cursors = new Cursors(
    'GraphNode.relationships',
    `${graphId} ${at.seq} ${state.key}`,
    { direction, type },
    textCodec,
  );
  const { page } = readPage(args, cursors);
  const read = await context.loaders.incident({ graphId, seq: at.seq, direction, type, page }, state.key);
  return toConnection(read, page, cursors, {
    node: (relationship) => ({ graphId, at, state: relationship }),
    position: (relationship) => relationship.key,
  });
}

/** History never holds a relationship without its ends, so the node is there. */
async function end({ graphId, at }: EntityAt, key: string, context: ApiContext): Promise<EntityAt<NodeState>> {
  const state = await context.loaders.state({ graphId, seq: at.seq }, 'NODE', key);
  if (state?.kind !== 'NODE') throw new NotFoundError(`node ${key} does not exist at ${at.seq}`);
  return { graphId, at, state };
}
