import type { ChangeAction, EntityChange, EntityKind } from '../../../core/entities.ts';
import type { At } from '../../../core/moments.ts';
import { type SchemaChange, type SchemaItem, schemaChanges } from '../../../core/schema-changes.ts';
import type { SchemaReading } from '../../../ports/schema-readings.ts';
import { builder } from '../builder.ts';
import { type Connection, type PageArguments, pageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { Cursors, changeCodec } from '../cursors.ts';
import { nameOrNull } from '../inputs/names.ts';
import { ChangeConnection } from './change.ts';
import { ChangeActionEnum, EntityKindEnum } from './enums.ts';
import { ChangeSummaryRef, MomentRef } from './moment.ts';
import { DiffRef, type DiffShape } from './refs.ts';
import { checkLimit, SubgraphRef } from './subgraph.ts';

export const SchemaItemRef = builder.objectRef<SchemaItem>('SchemaItem').implement({
  description: 'A constraint or an index of the graph.',
  fields: (t) => ({
    name: t.exposeString('name'),
    kind: t.exposeString('kind'),
    definition: t.exposeString('definition'),
  }),
});

export const SchemaChangeRef = builder.objectRef<SchemaChange>('SchemaChange').implement({
  fields: (t) => ({
    action: t.field({
      type: ChangeActionEnum,
      resolve: ({ before, after }) => (before === null ? 'CREATED' : after === null ? 'DELETED' : 'UPDATED'),
    }),
    before: t.expose('before', { type: SchemaItemRef, nullable: true }),
    after: t.expose('after', { type: SchemaItemRef, nullable: true }),
  }),
});

const SchemaReadingRef = builder.objectRef<SchemaReading>('SchemaReading').implement({
  description: 'When the schema was read: nothing tells of its changes, so two readings are compared.',
  fields: (t) => ({
    at: t.field({ type: MomentRef, description: 'The newest recorded moment then.', resolve: ({ at }) => at }),
    time: t.expose('time', { type: 'DateTime' }),
  }),
});

DiffRef.implement({
  description: 'The net difference between two moments; everything in it speaks of the same two.',
  fields: (t) => ({
    from: t.field({ type: MomentRef, resolve: ({ view }) => view.from }),
    to: t.field({ type: MomentRef, resolve: ({ view }) => view.to }),
    summary: t.field({ type: ChangeSummaryRef, resolve: ({ view }) => view.summary() }),
    changes: t.field({
      type: ChangeConnection,
      args: {
        kind: t.arg({ type: EntityKindEnum }),
        action: t.arg({ type: ChangeActionEnum }),
        label: t.arg.string({ description: 'That the entity has before or after.' }),
        ...pageArguments(t.arg),
      },
      resolve: (diff, args, context) => changes(diff, args, context),
    }),
    schemaChanges: t.field({
      type: [SchemaChangeRef],
      description:
        'What differs between the two readings `schemaFrom` and `schemaTo`; empty when one of them is missing.',
      resolve: async (diff, _, context) => {
        const [from, to] = await Promise.all([schemaFrom(diff, context), schemaTo(diff, context)]);
        return from === null || to === null ? [] : schemaChanges(from.items, to.items);
      },
    }),
    schemaFrom: t.field({
      type: SchemaReadingRef,
      nullable: true,
      description: "The point's own reading, the live graph's, or else the last one by then. Null when there is none.",
      resolve: (diff, _, context) => schemaFrom(diff, context),
    }),
    schemaTo: t.field({
      type: SchemaReadingRef,
      nullable: true,
      resolve: (diff, _, context) => schemaTo(diff, context),
    }),
    subgraph: t.field({
      type: SubgraphRef,
      description: 'For drawing: changed entities and what ties them together.',
      args: { limit: t.arg.int({ required: true, defaultValue: 200 }) },
      resolve: ({ view }, { limit }) => view.subgraph(checkLimit(limit)),
    }),
  }),
});

function schemaFrom({ view, ends }: DiffShape, { loaders }: ApiContext): Promise<SchemaReading | null> {
  return loaders.schemaAt(view.graphId, ends.from, view.from);
}

function schemaTo({ view, ends }: DiffShape, { loaders }: ApiContext): Promise<SchemaReading | null> {
  return loaders.schemaAt(view.graphId, ends.to, view.to);
}

interface ChangeArguments extends PageArguments {
  readonly kind?: EntityKind | null | undefined;
  readonly action?: ChangeAction | null | undefined;
  readonly label?: string | null | undefined;
}

/** Pages of a diff up to the live state, or from it, stay with the head that the first page saw. */
async function changes(
  { view, ends }: DiffShape,
  args: ChangeArguments,
  context: ApiContext,
): Promise<Connection<EntityChange>> {
  const label = nameOrNull(args.label, ['label']);
  const filter = {
    ...(args.kind && { kind: args.kind }),
    ...(args.action && { action: args.action }),
    ...(label !== null && { label }),
  };
  const [isToLive, isFromLive] = [isLive(ends.to), isLive(ends.from) && !isLive(ends.to)];
  const place = `${view.graphId} ${isFromLive ? 'LIVE' : view.from.seq} ${isToLive ? 'LIVE' : view.to.seq}`;
  const cursors = new Cursors('Diff.changes', place, { ...filter, scope: view.scope }, changeCodec);
  const { page, pin } = readPage(args, cursors);
  const head = isFromLive ? view.from : view.to;
  const pinned = pin === null || pin === head.seq ? null : await context.loaders.momentOf(view.graphId, pin);
  const [from, to] = isFromLive ? [pinned ?? view.from, view.to] : [view.from, pinned ?? view.to];
  const diff = pinned === null ? view : context.services.diffs.at(view.graphId, from, to, view.scope);
  const read = await diff.changes(filter, page);
  return toConnection(read, page, cursors, {
    node: (change) => change,
    position: ({ position }) => position,
    pin: (isFromLive ? from : to).seq,
  });
}

function isLive(at: At): boolean {
  return 'keyword' in at && at.keyword === 'LIVE';
}
