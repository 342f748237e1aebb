import type { ChangeAction, EntityChange, EntityKind } from '../../../core/entities.ts';
import { builder } from '../builder.ts';
import { type Connection, type PageArguments, pageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { Cursors, changeCodec } from '../cursors.ts';
import type { StoredSchemaItem } from '../stored.ts';
import { ChangeConnection } from './change.ts';
import { ChangeActionEnum, EntityKindEnum } from './enums.ts';
import { ChangeSummaryRef, MomentRef } from './moment.ts';
import { DiffRef, type DiffShape } from './refs.ts';
import { checkLimit, SubgraphRef } from './subgraph.ts';

export const SchemaItemRef = builder.objectRef<StoredSchemaItem>('SchemaItem').implement({
  description: 'A constraint or an index of the graph.',
  fields: (t) => ({
    name: t.exposeString('name'),
    kind: t.exposeString('kind'),
    definition: t.exposeString('definition'),
  }),
});

interface SchemaChangeShape {
  readonly before: StoredSchemaItem | null;
  readonly after: StoredSchemaItem | null;
}

export const SchemaChangeRef = builder.objectRef<SchemaChangeShape>('SchemaChange').implement({
  fields: (t) => ({
    action: t.field({
      type: ChangeActionEnum,
      resolve: ({ before, after }) => (before === null ? 'CREATED' : after === null ? 'DELETED' : 'UPDATED'),
    }),
    before: t.expose('before', { type: SchemaItemRef, nullable: true }),
    after: t.expose('after', { type: SchemaItemRef, nullable: true }),
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
      description: 'Between the readings of the schema at the two moments; graphs without constraints have none.',
      resolve: () => [],
    }),
    subgraph: t.field({
      type: SubgraphRef,
      description: 'For drawing: changed entities and what ties them together.',
      args: { limit: t.arg.int({ required: true, defaultValue: 200 }) },
      resolve: ({ view }, { limit }) => view.subgraph(checkLimit(limit)),
    }),
  }),
});

interface ChangeArguments extends PageArguments {
  readonly kind?: EntityKind | null | undefined;
  readonly action?: ChangeAction | null | undefined;
  readonly label?: string | null | undefined;
}

/** Pages of a diff up to the live state stay with the head that the first page saw. */
async function changes(
  { view, live }: DiffShape,
  args: ChangeArguments,
  context: ApiContext,
): Promise<Connection<EntityChange>> {
  const filter = {
    ...(args.kind && { kind: args.kind }),
    ...(args.action && { action: args.action }),
    ...(args.label !== null && args.label !== undefined && { label: args.label }),
  };
  const place = `${view.graphId} ${view.from.seq} ${live ? 'LIVE' : view.to.seq}`;
  const cursors = new Cursors('Diff.changes', place, { ...filter, scope: view.scope }, changeCodec);
  const { page, pin } = readPage(args, cursors);
  const pinned = pin === null || pin === view.to.seq ? null : await context.loaders.momentOf(view.graphId, pin);
  const diff = pinned === null ? view : context.services.diffs.at(view.graphId, view.from, pinned, view.scope);
  const read = await diff.changes(filter, page);
  return toConnection(read, page, cursors, {
    node: (change) => change,
    position: ({ position }) => position,
    pin: diff.to.seq,
  });
}
