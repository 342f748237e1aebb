import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { EntityState } from '../../src/core/entities.ts';
import { assemble } from '../../src/main/assemble.ts';
import { loadSample } from '../../src/main/sample.ts';
import { runFolder } from '../support/processes.ts';
import { SMALL_SAMPLE } from '../support/small-sample.ts';

/** A service that loads a sample and is killed when it has read so many of the entities; 0: never. */
const [, , where = '', kill = '0'] = process.argv;

async function* deadly(): AsyncGenerator<EntityState> {
  let read = 0;
  for await (const entity of SMALL_SAMPLE.entities()) {
    read += 1;
    if (read === Number(kill)) process.kill(process.pid, 'SIGKILL');
    yield entity;
  }
}

const database = where.startsWith('postgres:')
  ? new PgDatabase({ url: where, poolSize: 8 })
  : await PgliteDatabase.open({ dataFolder: where });
const assembly = await assemble(database, {
  graphs: [{ name: 'demo', kind: 'embedded' }],
  redisUrls: [],
  dataFolder: runFolder(),
});
const [graph] = assembly.graphs;
if (graph === undefined) throw new Error('no graph');
await loadSample(assembly, graph, { ...SMALL_SAMPLE, entities: deadly });
await assembly.stop(1000);
await database.close();
