import { tmpdir } from 'node:os';
import { migrate } from '../src/adapters/postgres/migrate.ts';
import type { PostgresStore } from '../src/adapters/postgres/postgres-store.ts';
import { readWordNet } from '../src/adapters/wordnet/wordnet.ts';
import type { EntityState } from '../src/core/entities.ts';
import { assemble } from '../src/main/assemble.ts';
import { importEntities } from '../src/services/graph-import.ts';
import { time } from './measures.ts';
import { median } from './report.ts';

const ENTITIES = 5000;
const ROUNDS = 15;
const CALLER = { actor: 'bench', ip: null, userAgent: null };

/**
 * Point creation until STORED while so many changes, committed by plain SQL a moment before, wait to be recorded: the point is of the state with
 * them, so they are recorded first. Without HTTP, since nobody else can write plain SQL to an embedded database.
 */
export async function pointWithPending(store: PostgresStore, pending: readonly number[]): Promise<number[]> {
  await migrate(store, 'prisma/migrations');
  const graphs = [{ name: 'pending', kind: 'embedded' }] as const;
  const assembly = await assemble(store, { graphs, redisUrls: [], dataFolder: tmpdir() });
  const [graph] = assembly.graphs;
  if (graph === undefined) throw new Error('no graph');
  const { services, registry, keys } = assembly;
  const session = await services.sessions.open(CALLER, { graph: graph.name, name: 'load', point: false });
  const { actor } = CALLER;
  await importEntities(registry, keys, { graphId: graph.id, actor, session, entities: firstNodes() });
  const times: number[][] = pending.map(() => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, count] of pending.entries()) {
      await registry.get(graph.id).recorder.fence();
      await store.query(
        `UPDATE graph_pending.nodes SET properties = properties || jsonb_build_object('gloss', $1::text)
         WHERE key IN (SELECT key FROM graph_pending.nodes ORDER BY key LIMIT $2)`,
        [`round ${round}`, count],
      );
      const input = { graph: graph.name, name: `point ${round}`, archive: false };
      times[at]?.push(await time(() => services.snapshots.create(CALLER, input)));
    }
  await assembly.stop(1000);
  await store.close();
  return times.map(median);
}

async function* firstNodes(): AsyncGenerator<EntityState> {
  let given = 0;
  for await (const state of readWordNet()) {
    if (given === ENTITIES) return;
    given += 1;
    yield state;
  }
}
