import type { Connection } from '../../src/adapters/neo4j/connection.ts';
import { fromDriver } from '../../src/adapters/neo4j/entities/values.ts';
import { type EntityId, type EntityState, entityId } from '../../src/core/entities.ts';
import { setOwn } from '../../src/core/properties.ts';
import type { Properties, Value } from '../../src/core/values.ts';

/** Everything that a Neo4j holds for its users, read by plain Cypher. @throws Error when keys are missing or not unique */
export async function liveByCypher(connection: Connection, key = 'palinodeKey'): Promise<Map<EntityId, EntityState>> {
  const states = new Map<EntityId, EntityState>();
  const ours = '(n:_PalinodeOutbox OR n:_PalinodeGap OR n:_PalinodeMarker)';
  const nodes = await connection.read(
    `MATCH (n) WHERE NOT ${ours} RETURN n.\`${key}\` AS key, labels(n) AS labels, properties(n) AS p`,
  );
  for (const row of nodes) {
    const labels = (row.labels as string[]).toSorted(); // What labels() gives.
    const state = { kind: 'NODE', key: String(row.key), labels, properties: propertiesOf(row.p, key) } as const;
    states.set(entityId(state), state);
  }
  const ties = await connection.read(
    `MATCH (n)-[r]->(m) RETURN r.\`${key}\` AS key, type(r) AS type, n.\`${key}\` AS start, m.\`${key}\` AS end, properties(r) AS p`,
  );
  for (const row of ties) {
    const ends = { type: String(row.type), start: String(row.start), end: String(row.end) };
    const properties = propertiesOf(row.p, key);
    const state = { kind: 'RELATIONSHIP', key: String(row.key), ...ends, properties } as const;
    states.set(entityId(state), state);
  }
  if (states.size !== nodes.length + ties.length) {
    const keys = [...nodes, ...ties].map((row) => String(row.key));
    const twice = keys.filter((one, at) => keys.indexOf(one) !== at);
    throw new Error(`keys are missing or not unique: ${twice.slice(0, 10).join(', ')}`);
  }
  return states;
}

function propertiesOf(found: unknown, key: string): Properties {
  const values: Record<string, Value> = {};
  for (const [name, value] of Object.entries(found ?? {})) if (name !== key) setOwn(values, name, fromDriver(value));
  return values;
}
