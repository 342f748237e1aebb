import { randomUUID } from 'node:crypto';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { randomKeys } from '../../src/adapters/system/keys.ts';
import { type EntityState, entityId } from '../../src/core/entities.ts';
import { ConstraintError } from '../../src/core/errors.ts';
import { importEntities } from '../../src/services/graph-import.ts';
import { GraphRegistry } from '../../src/services/graph-registry.ts';
import { nodeOf, relationshipOf } from '../support/captured.ts';
import { RecordingWorld } from '../support/recording-world.ts';

/**
 * Imports and writes without end, and records what it writes, until it is killed. Transactions are larger than the slices in which they are
 * recorded, so that many die half stored. Each small write creates the node `tx:<its id>`: what committed can be counted in the graph.
 */
const [, , where = '', run = ''] = process.argv;
const SHARED = 30;
const IMPORT = 6000;
const SLICE = 700;
/** Before the one who kills is told that work is under way. */
const FIRST_WRITES = 3;

const database = where.startsWith('postgres:')
  ? new PgDatabase({ url: where, poolSize: 8 })
  : await PgliteDatabase.open({ dataFolder: where });
const world = await RecordingWorld.open(database, 'killed');
const registry = new GraphRegistry();
const recorder = world.recorder({}, { leaseMs: 400, maxChanges: SLICE });
recorder.start();
registry.add(world.graphId, { graph: world.graph, recorder });

async function* entities(round: number): AsyncGenerator<EntityState> {
  const key = (n: number) => `import:${run}:${round}:${n}`;
  for (let n = 0; n < IMPORT; n += 1) yield nodeOf(key(n), { n });
  for (let n = 1; n < IMPORT; n += 1) yield relationshipOf(key(n), key(n - 1), key(n), { n });
}

async function importForEver(): Promise<never> {
  for (let round = 0; ; round += 1) {
    const request = { graphId: world.graphId, actor: 'import', session: run, entities: entities(round) };
    await importEntities(registry, randomKeys, request);
  }
}

/** One small transaction: shared nodes come, change and go, and one node says that it committed. */
async function write(turn: number): Promise<void> {
  const id = randomUUID();
  const context = { id, source: 'API', actor: 'writer', session: null, operation: null } as const;
  await world.graph.transaction(context, async (tx) => {
    const shared = [0, 7, 11].map((step) => nodeOf(`shared:${(turn + step) % SHARED}`, { turn, run }));
    const live = await tx.lock(shared);
    const changes = shared.map((state, at) => {
      const before = live.get(entityId(state)) ?? null;
      return { kind: state.kind, key: state.key, before, after: at === 2 && before !== null ? null : state };
    });
    const mark = nodeOf(`tx:${id}`);
    await tx.write([...changes, { kind: mark.kind, key: mark.key, before: null, after: mark }]);
  });
}

async function writeForEver(first: number): Promise<never> {
  for (let turn = first; ; turn += 1) {
    // Both writers may want to create the same node: the slower one goes on with the next.
    await write(turn).catch((error: unknown) => {
      if (!(error instanceof ConstraintError)) throw error;
    });
    recorder.poke();
    if (turn === FIRST_WRITES) console.log('writing');
  }
}

await Promise.all([importForEver(), writeForEver(0), writeForEver(SHARED / 2)]);
