import { EmbeddedGraph } from '../../src/adapters/embedded-graph/embedded-graph.ts';
import type { Database } from '../../src/ports/database.ts';
import { createPgliteDatabase, createTestDatabase } from '../support/postgres.ts';
import { type GraphHarness, knowledgeGraphContract } from './knowledge-graph.contract.ts';

function harnessOn(database: Database, close: () => Promise<void>): GraphHarness {
  let graphs = 0;
  const fresh = async () => {
    graphs += 1;
    const graph = new EmbeddedGraph(database, `g${graphs}`);
    await graph.attach();
    return graph;
  };
  return { fresh, reopen: (graph) => new EmbeddedGraph(database, graph.name), close };
}

knowledgeGraphContract('the embedded graph on PGlite', async () => {
  const database = await createPgliteDatabase();
  return harnessOn(database, () => database.close());
});

knowledgeGraphContract('the embedded graph on a PostgreSQL server', async () => {
  const created = await createTestDatabase({ poolSize: 8 });
  return harnessOn(created.database, async () => created[Symbol.asyncDispose]());
});
