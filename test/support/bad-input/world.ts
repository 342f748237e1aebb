import type { PostgresStore } from '../../../src/adapters/postgres/postgres-store.ts';
import { encodeId, type NodeType } from '../../../src/api/graphql/ids.ts';
import type { Answer } from '../graphql-client.ts';
import { type Service, startService } from '../service.ts';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

/** An id as the service makes them, of an object that does not exist. */
export const unknownId = (type: NodeType): string => encodeId(type, UNKNOWN);

/** The service with two graphs, `demo` and `other`, and one object of each kind that a request could name wrongly. */
export async function openBadInputWorld(database: PostgresStore) {
  const service = await startService(database, {
    graphs: [
      { name: 'demo', kind: 'embedded' },
      { name: 'other', kind: 'embedded' },
    ],
  });
  const { made, ended, prisma } = service;
  const write = (graph: string, changes: Answer[], more: Answer = { actor: 'ada' }) =>
    made('writeGraph', 'transaction { seq }', { graph, ...more, changes });
  const session = async (graph: string, name: string): Promise<string> =>
    (await made('openSession', 'id', { graph, name, actor: 'ada', point: false })).id;
  const point = async (graph: string, name: string, more: Answer = {}): Promise<string> =>
    (await made('createRollbackPoint', 'id', { graph, name, ...more })).id;
  const rollback = async (graph: string, input: Answer): Promise<Answer> =>
    ended((await made('rollback', 'id', { graph, ...input })).id);

  await write('demo', [
    { putNode: { key: 'a', labels: ['Thing'], set: [{ name: 'p', value: 0 }] } },
    { putNode: { key: 'b', labels: ['Thing'] } },
    { putRelationship: { key: 'ab', type: 'KNOWS', start: 'a', end: 'b' } },
  ]);
  const good = await point('demo', 'good');
  const ids = {
    good,
    held: await point('demo', 'held', { held: true }),
    expired: await point('demo', 'expired'),
    deleted: await point('demo', 'deleted'),
    foreignPoint: await point('other', 'foreign'),
    openSession: await session('demo', 'open'),
    closedSession: await session('demo', 'closed'),
    foreignSession: await session('other', 'foreign'),
    dryRun: '',
    planHash: '',
    done: '',
    foreignDone: '',
  };
  await made('deleteRollbackPoint', 'deletedId', { id: ids.deleted });
  await made('closeSession', 'id', { id: ids.closedSession });
  // As the service would within half a minute, at a moment when a test counts what is written.
  await prisma.rollbackPoint.updateMany({
    where: { name: 'expired' },
    data: { expiresAt: new Date(Date.now() - 1000), status: 'EXPIRED' },
  });
  await write('demo', [{ putNode: { key: 'a', set: [{ name: 'p', value: 1 }] } }]);
  const preview = await rollback('demo', { to: { point: good }, dryRun: true });
  ids.dryRun = preview.id;
  ids.planHash = preview.planHash;
  ids.done = (await rollback('demo', { to: { point: good }, scope: { keys: ['b'] } })).id;
  ids.foreignDone = (await rollback('other', { to: { point: ids.foreignPoint } })).id;
  return { service, ids, write, rollback, trace: () => traceOf(service) };
}

export type BadInputWorld = Awaited<ReturnType<typeof openBadInputWorld>>;

/** Everything that a request could leave behind, counted: equal before and after means that nothing was written. */
async function traceOf({ client, database }: Service): Promise<Answer> {
  const tables = [
    'graph_transactions',
    'entity_versions',
    'sessions',
    'rollback_points',
    'point_archives',
    'rollback_operations',
    'rollback_audit_log',
  ];
  const counts = tables.map((table) => `(SELECT count(*)::text FROM ${table}) AS ${table}`);
  const { rows } = await database.query(`SELECT ${counts.join(', ')}`);
  const { graphs } = await client.data('{ graphs { name checksum head { seq } } }');
  return { rows, graphs };
}
