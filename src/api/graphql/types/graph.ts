import { checksumToHex } from '../../../core/checksum.ts';
import { InvalidInputError } from '../../../core/errors.ts';
import type { GraphRecord } from '../../../ports/history.ts';
import { pageArguments } from '../connections.ts';
import { encodeId } from '../ids.ts';
import { AtInput, readAt, readAtOrNull } from '../inputs/at.ts';
import {
  ChangeFilterInput,
  OperationFilterInput,
  PointFilterInput,
  PropertyMatchInput,
  SessionFilterInput,
  TransactionFilterInput,
} from '../inputs/filters.ts';
import { checkNames } from '../inputs/names.ts';
import { readScope, ScopeInput } from '../inputs/scope.ts';
import { oncePerGraph } from '../loaders/once.ts';
import { CaptureRef } from './capture.ts';
import {
  ContributionConnection,
  GraphNodeConnection,
  GraphRelationshipConnection,
  NameCountConnection,
  NameCountRef,
  OperationConnection,
  PointConnection,
  RecordedChangeConnection,
  ResolutionRuleConnection,
  SessionConnection,
  TransactionConnection,
} from './connections.ts';
import { EntityInterface } from './entity.ts';
import { Direction, EntityKindEnum, GraphKind } from './enums.ts';
import { contributions, recordedChanges, transactions } from './graph-history.ts';
import { listOperations, listPoints, listRules, listSessions, sessionNamed } from './graph-records.ts';
import { entity, LIVE, listLabels, listNodes, listRelationships, listRelationshipTypes } from './graph-states.ts';
import { MomentRef } from './moment.ts';
import { DiffRef, GraphRef, NodeInterface, SessionRef } from './refs.ts';
import { checkLimit, SubgraphRef } from './subgraph.ts';

const MAX_KEYS = 500;
const MAX_HOPS = 10;

GraphRef.implement({
  description: 'A knowledge graph under Palinode.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({ resolve: ({ name }) => encodeId('Graph', name) }),
    name: t.exposeString('name'),
    kind: t.expose('kind', { type: GraphKind }),
    capture: t.field({ type: CaptureRef, resolve: (graph) => graph }),
    head: t.field({ type: MomentRef, nullable: true, resolve: (graph) => (isOff(graph) ? null : graph.head) }),
    earliest: t.field({
      type: MomentRef,
      nullable: true,
      resolve: (graph, _, { loaders }) => (isOff(graph) ? null : loaders.earliest(graph.id)),
    }),
    nodeCount: t.field({ type: 'BigInt', nullable: true, resolve: (graph) => (isOff(graph) ? null : graph.nodeCount) }),
    relationshipCount: t.field({
      type: 'BigInt',
      nullable: true,
      resolve: (graph) => (isOff(graph) ? null : graph.relationshipCount),
    }),
    checksum: t.string({ nullable: true, resolve: (graph) => (isOff(graph) ? null : checksumToHex(graph.checksum)) }),
    entity: t.field({
      type: EntityInterface,
      nullable: true,
      args: { key: t.arg.id({ required: true }), kind: t.arg({ type: EntityKindEnum }), at: t.arg({ type: AtInput }) },
      resolve: (graph, args, context) => entity(graph.id, args, context),
    }),
    nodes: t.field({
      type: GraphNodeConnection,
      args: {
        label: t.arg.string(),
        where: t.arg({ type: PropertyMatchInput }),
        at: t.arg({ type: AtInput }),
        ...pageArguments(t.arg),
      },
      resolve: oncePerGraph(listNodes),
    }),
    relationships: t.field({
      type: GraphRelationshipConnection,
      args: { type: t.arg.string(), at: t.arg({ type: AtInput }), ...pageArguments(t.arg) },
      resolve: oncePerGraph(listRelationships),
    }),
    labels: t.field({
      type: NameCountConnection,
      args: pageArguments(t.arg),
      resolve: oncePerGraph(listLabels),
    }),
    relationshipTypes: t.field({
      type: NameCountConnection,
      args: pageArguments(t.arg),
      resolve: oncePerGraph(listRelationshipTypes),
    }),
    neighbourhood: t.field({
      type: SubgraphRef,
      args: {
        keys: t.arg.idList({ required: true }),
        hops: t.arg.int({ required: true, defaultValue: 1 }),
        types: t.arg.stringList(),
        direction: t.arg({ type: Direction, required: true, defaultValue: 'BOTH' }),
        at: t.arg({ type: AtInput }),
        limit: t.arg.int({ required: true, defaultValue: 200 }),
      },
      resolve: oncePerGraph(async (graphId, { keys, hops, types, direction, at, limit }, { loaders, services }) => {
        if (keys.length === 0 || keys.length > MAX_KEYS) {
          throw InvalidInputError.field(['keys'], `must be 1 to ${MAX_KEYS} keys`);
        }
        if (hops < 0 || hops > MAX_HOPS) throw InvalidInputError.field(['hops'], `must be from 0 to ${MAX_HOPS}`);
        checkLimit(limit);
        checkNames(keys, ['keys']);
        checkNames(types ?? [], ['types']);
        const { seq } = await loaders.resolve(graphId, readAtOrNull(at, ['at']) ?? LIVE, ['at']);
        return services.graphs.neighbourhood(graphId, seq, { keys, hops, direction, limit, ...(types && { types }) });
      }),
    }),
    transactions: t.field({
      type: TransactionConnection,
      args: { filter: t.arg({ type: TransactionFilterInput }), ...pageArguments(t.arg) },
      resolve: oncePerGraph(transactions),
    }),
    changes: t.field({
      type: RecordedChangeConnection,
      description: 'Who changed what.',
      args: { filter: t.arg({ type: ChangeFilterInput }), ...pageArguments(t.arg) },
      resolve: oncePerGraph(recordedChanges),
    }),
    contributions: t.field({
      type: ContributionConnection,
      description: 'By actor and session.',
      args: {
        since: t.arg({ type: AtInput, required: true }),
        until: t.arg({ type: AtInput }),
        scope: t.arg({ type: ScopeInput }),
        ...pageArguments(t.arg),
      },
      resolve: oncePerGraph(contributions),
    }),
    session: t.field({
      type: SessionRef,
      nullable: true,
      description: 'The newest session of the name.',
      args: { name: t.arg.string({ required: true }) },
      resolve: (graph, { name }, context) => sessionNamed(graph.id, name, context),
    }),
    sessions: t.field({
      type: SessionConnection,
      description: 'Newest first.',
      args: { filter: t.arg({ type: SessionFilterInput }), ...pageArguments(t.arg) },
      resolve: (graph, args, context) => listSessions(graph.id, args, context),
    }),
    points: t.field({
      type: PointConnection,
      description: 'Newest first.',
      args: { filter: t.arg({ type: PointFilterInput }), ...pageArguments(t.arg) },
      resolve: (graph, args, context) => listPoints(graph.id, args, context),
    }),
    operations: t.field({
      type: OperationConnection,
      description: 'Newest first.',
      args: { filter: t.arg({ type: OperationFilterInput }), ...pageArguments(t.arg) },
      resolve: (graph, args, context) => listOperations(graph.id, args, context),
    }),
    resolutionRules: t.field({
      type: ResolutionRuleConnection,
      description: 'Remembered decisions, newest first.',
      args: pageArguments(t.arg),
      resolve: (graph, args, context) => listRules(graph.id, args, context),
    }),
    diff: t.field({
      type: DiffRef,
      nullable: true,
      args: {
        from: t.arg({ type: AtInput, required: true }),
        to: t.arg({ type: AtInput, description: 'Live when absent.' }),
        scope: t.arg({ type: ScopeInput }),
      },
      resolve: oncePerGraph(async (graphId, { from, to, scope }, { loaders }) => {
        const end = readAtOrNull(to, ['to']);
        const start = readAt(from, ['from']);
        return loaders.diff({ graphId, from: start, to: end, scope: readScope(scope, ['scope']) });
      }),
    }),
  }),
});

NameCountRef.implement({
  fields: (t) => ({ name: t.exposeString('name'), count: t.expose('count', { type: 'BigInt' }) }),
});

function isOff(graph: GraphRecord): boolean {
  return graph.captureMode === 'OFF';
}
