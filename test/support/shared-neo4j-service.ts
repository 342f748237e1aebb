import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { borrowSharedNeo4j } from './neo4j.ts';
import { wipe } from './neo4j-graphs.ts';
import { type GraphSettings, Neo4jService } from './neo4j-service.ts';

export interface SharedNeo4jService {
  readonly service: Neo4jService;
  readonly url: string;
  close(): Promise<void>;
}

/** The service on the shared Neo4j, which is emptied before and after. What `prepare` writes is there before the service sees the graph. */
export async function serviceOnSharedNeo4j(
  settings: GraphSettings = {},
  prepare: (connection: Connection) => Promise<unknown> = async () => {},
): Promise<SharedNeo4jService> {
  const { url, giveBack } = await borrowSharedNeo4j();
  const connection = new Connection({ url });
  await wipe(connection);
  await prepare(connection);
  const service = await Neo4jService.open(url, settings);
  return {
    service,
    url,
    async close() {
      try {
        await service.detach();
        await service.close();
        await wipe(connection);
      } finally {
        await connection.close();
        giveBack();
      }
    },
  };
}
