import { join, resolve } from 'node:path';
import { startNeo4j } from './instance.ts';

/** `npm run dev:neo4j`: a Neo4j with APOC triggers for development, its data kept in .palinode/neo4j. Ends on Ctrl-C. */
const port = Number(process.env.NEO4J_PORT ?? 7687);
const home = join(resolve(process.env.PALINODE_DATA ?? '.palinode'), 'neo4j');
const neo4j = await startNeo4j({ home, port, heap: '1g', pageCache: '256m', triggerRefreshMs: 500 });
console.log(`Neo4j serves ${neo4j.url} without authentication, data in ${home}`);
console.log(`{"graphs":[{"name":"dev","kind":"neo4j","url":"${neo4j.url}","attach":true}]}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await neo4j.stop();
    process.exit(0);
  });
}
