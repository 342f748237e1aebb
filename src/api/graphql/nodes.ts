import type { GraphRecord } from '../../ports/history.ts';
import type { ApiContext } from './context.ts';
import { decodeId, NODE_TYPES, type NodeType, parseEntityKey, parseTransactionKey } from './ids.ts';

type Finder = (context: ApiContext, key: string) => Promise<object | null>;

/** How the object of each type is found by the key inside its id. All go through loaders, so many ids cost what one does. */
const FINDERS: Readonly<Record<NodeType, Finder>> = {
  Graph: (context, name) => graphNamed(context, name),
  GraphNode: (context, key) => entityAt(context, 'NODE', key),
  GraphRelationship: (context, key) => entityAt(context, 'RELATIONSHIP', key),
  Transaction: async ({ loaders }, key) => {
    const at = parseTransactionKey(key);
    return at === null ? null : loaders.transaction(at.graphId, at.seq);
  },
  Session: ({ loaders }, id) => loaders.session.load(id),
  RollbackPoint: async ({ loaders }, id) => {
    const point = await loaders.point.load(id);
    return point?.deletedAt === null ? point : null;
  },
  RollbackSnapshot: ({ loaders }, id) => loaders.snapshot.load(id),
  RollbackOperation: ({ loaders }, id) => loaders.operation.load(id),
  Conflict: ({ loaders }, id) => loaders.conflict.load(id),
  ResolutionRule: ({ loaders }, id) => loaders.resolutionRule.load(id),
  Rehearsal: ({ loaders }, id) => loaders.rehearsal.load(id),
  Verification: ({ loaders }, id) => loaders.verification.load(id),
  AuditEntry: ({ loaders }, id) => loaders.auditEntry.load(id),
};

/** The object of a global id, with its type name; null for an id that is unknown, foreign or garbage. */
export async function nodeById(context: ApiContext, id: string): Promise<object | null> {
  const decoded = decodeId(id);
  return decoded === null ? null : nodeOf(context, decoded.type, decoded.key);
}

/** The object of a type and key, with its type name. */
export async function nodeOf(context: ApiContext, typeName: string, key: string): Promise<object | null> {
  const type = NODE_TYPES.find((known) => known === typeName);
  const found = type === undefined ? null : await FINDERS[type](context, key);
  return found === null ? null : { ...found, __typename: type };
}

/** There are few graphs, so all are read at once, whatever number of them is asked for. */
export async function graphNamed(context: ApiContext, name: string): Promise<GraphRecord | null> {
  const graphs = await context.loaders.graphs();
  return graphs.find((graph) => graph.name === name) ?? null;
}

async function entityAt(context: ApiContext, kind: 'NODE' | 'RELATIONSHIP', text: string): Promise<object | null> {
  const place = parseEntityKey(text);
  if (place === null) return null;
  const [at, state] = await Promise.all([
    context.loaders.momentOf(place.graphId, place.seq),
    context.loaders.state(place, kind, place.key),
  ]);
  return at === null || state === null ? null : { graphId: place.graphId, at, state };
}
