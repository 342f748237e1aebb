import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { startTestNeo4j, type TestNeo4j } from '../support/neo4j.ts';

jest.setTimeout(300_000);

const SCHEMES = ['bolt', 'neo4j'] as const;
let neo4j: TestNeo4j;
beforeAll(async () => {
  neo4j = await startTestNeo4j({ apoc: false, settings: { 'db.transaction.bookmark_ready_timeout': '1s' } });
});
afterAll(() => neo4j?.kill());

test('a store that has not come as far as what we saw last is read and written all the same', async () => {
  const connections = SCHEMES.map((scheme) => new Connection({ url: neo4j.url.replace('bolt', scheme) }));
  const create = (connection: Connection) => connection.write({}, (tx) => tx.run('CREATE (:Seen)'));
  const count = async (connection: Connection) => (await connection.read('MATCH (n:Seen) RETURN count(n) AS n'))[0]?.n;
  await neo4j.stop();
  const [data, kept] = [join(neo4j.home, 'data'), join(neo4j.home, 'kept')];
  cpSync(data, kept, { recursive: true });
  await neo4j.restart();
  for (const connection of connections) for (let i = 0; i < 5; i += 1) await create(connection);
  await neo4j.stop();
  rmSync(data, { recursive: true });
  cpSync(kept, data, { recursive: true });
  await neo4j.restart();
  for (const connection of connections) {
    // Others ask at the same time: one of them finds out, for all.
    expect(await Promise.all(Array.from({ length: 5 }, () => count(connection)))).toEqual(Array(5).fill(0n));
  }
  for (const [at, connection] of connections.entries()) {
    await create(connection);
    expect(await count(connection)).toBe(BigInt(at + 1));
    await connection.close();
  }
});
