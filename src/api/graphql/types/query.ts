import { InvalidInputError } from '../../../core/errors.ts';
import { builder } from '../builder.ts';
import { decodeId, type NodeType } from '../ids.ts';
import { graphNamed, nodeById } from '../nodes.ts';
import { ConflictRef, GraphRef, NodeInterface, OperationRef, PointRef } from './refs.ts';

const MAX_NODES = 100;

builder.queryType({
  fields: (t) => ({
    node: t.field({
      type: NodeInterface,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, context) => nodeById(context, id),
    }),
    nodes: t.field({
      type: [NodeInterface],
      nullable: { list: false, items: true },
      args: { ids: t.arg.idList({ required: true, description: `At most ${MAX_NODES}.` }) },
      resolve: (_, { ids }, context) => {
        if (ids.length > MAX_NODES) throw InvalidInputError.field(['ids'], `must not be more than ${MAX_NODES}`);
        return Promise.all(ids.map((id) => nodeById(context, id)));
      },
    }),
    graphs: t.field({ type: [GraphRef], resolve: async (_, __, { loaders }) => [...(await loaders.graphs())] }),
    graph: t.field({
      type: GraphRef,
      nullable: true,
      args: { name: t.arg.string({ required: true }) },
      resolve: (_, { name }, context) => graphNamed(context, name),
    }),
    rollbackPoint: t.field({
      type: PointRef,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: async (_, { id }, { loaders }) => {
        const key = keyOf(id, 'RollbackPoint');
        const point = key === null ? null : await loaders.point.load(key);
        return point?.deletedAt === null ? point : null;
      },
    }),
    rollbackOperation: t.field({
      type: OperationRef,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { loaders }) => {
        const key = keyOf(id, 'RollbackOperation');
        return key === null ? null : loaders.operation.load(key);
      },
    }),
    conflict: t.field({
      type: ConflictRef,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { loaders }) => {
        const key = keyOf(id, 'Conflict');
        return key === null ? null : loaders.conflict.load(key);
      },
    }),
  }),
});

function keyOf(id: string, type: NodeType): string | null {
  const decoded = decodeId(id);
  return decoded?.type === type ? decoded.key : null;
}
