import { EmbeddedGraph } from '../src/adapters/embedded-graph/embedded-graph.ts';
import { readWordNet } from '../src/adapters/wordnet/wordnet.ts';
import type { EntityState } from '../src/core/entities.ts';
import type { Database } from '../src/ports/database.ts';
import { time } from './measures.ts';

/** What plain SQL does in the same tables, in rows per second. */
export interface Floors {
  /** Multi-row inserts of WordNet with keys and checks but without capture. */
  readonly inserts: number;
  /** Batched updates of 10,000 glosses with capture, as any writer would make them. */
  readonly updates: number;
}

const BATCH = 1000;
const CHANGED = 10_000;

export async function measureFloors(database: Database): Promise<Floors> {
  await new EmbeddedGraph(database, 'floor').attach();
  for (const table of ['nodes', 'relationships'])
    await database.script(`ALTER TABLE graph_floor.${table} DISABLE TRIGGER USER`);
  const batches: EntityState[][] = [];
  let keys: string[] = [];
  let last: EntityState[] = [];
  for await (const state of readWordNet()) {
    if (last.length === BATCH || (last[0] !== undefined && last[0].kind !== state.kind)) {
      batches.push(last);
      last = [];
    }
    last.push(state);
    if (state.kind === 'NODE') keys.push(state.key);
  }
  batches.push(last);
  const rows = batches.reduce((sum, batch) => sum + batch.length, 0);
  const inserting = await time(async () => {
    for (const batch of batches) await insert(database, batch);
  });
  for (const table of ['nodes', 'relationships'])
    await database.script(`ALTER TABLE graph_floor.${table} ENABLE TRIGGER USER`);
  keys = keys.slice(0, CHANGED);
  const updating = await time(async () => {
    for (let at = 0; at < keys.length; at += BATCH) {
      await database.query(
        `UPDATE graph_floor.nodes n SET properties = n.properties || jsonb_build_object('gloss', 'plain ' || n.key)
         FROM unnest($1::text[]) AS k(key) WHERE n.key = k.key`,
        [keys.slice(at, at + BATCH)],
      );
    }
  });
  const [seen] = (await database.query<{ count: bigint }>('SELECT count(*) FROM graph_floor.outbox')).rows;
  if (seen === undefined || seen.count < BigInt(CHANGED))
    throw new Error('the floor of updates was measured without capture');
  return { inserts: (rows * 1000) / inserting, updates: (CHANGED * 1000) / updating };
}

async function insert(database: Database, batch: readonly EntityState[]): Promise<void> {
  const properties = batch.map((state) => JSON.stringify(state.properties));
  const keys = batch.map((state) => state.key);
  if (batch[0]?.kind === 'NODE') {
    const labels = batch.map((state) => (state.kind === 'NODE' ? `{${state.labels.join(',')}}` : '{}'));
    await database.query(
      `INSERT INTO graph_floor.nodes (key, labels, properties) SELECT k, l::text[], p::jsonb FROM unnest($1::text[], $2::text[], $3::text[]) AS t(k, l, p)`,
      [keys, labels, properties],
    );
    return;
  }
  const column = (pick: (state: Extract<EntityState, { kind: 'RELATIONSHIP' }>) => string): string[] =>
    batch.flatMap((state) => (state.kind === 'RELATIONSHIP' ? [pick(state)] : []));
  await database.query(
    `INSERT INTO graph_floor.relationships (key, type, start_key, end_key, properties)
     SELECT k, t, s, e, p::jsonb FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS x(k, t, s, e, p)`,
    [keys, column((r) => r.type), column((r) => r.start), column((r) => r.end), properties],
  );
}
