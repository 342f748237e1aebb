import { EmbeddedGraph } from '../src/adapters/embedded-graph/embedded-graph.ts';
import { readWordNet } from '../src/adapters/wordnet/wordnet.ts';
import type { EntityState } from '../src/core/entities.ts';
import type { Database } from '../src/ports/database.ts';
import { time } from './measures.ts';

const BATCH = 1000;
/** As many as the rollback writes in one statement. */
const RESTORED_BATCH = 2000;

/** What plain SQL does in the same tables, in a database of its own on the same engine. */
export class Floor {
  readonly database: Database;
  /** Multi-row inserts of WordNet with keys and checks but without capture, in rows per second. */
  readonly inserts: number;

  private constructor(database: Database, inserts: number) {
    this.database = database;
    this.inserts = inserts;
  }

  static async load(database: Database): Promise<Floor> {
    await new EmbeddedGraph(database, 'floor').attach();
    await capturing(database, false);
    const batches: EntityState[][] = [];
    let last: EntityState[] = [];
    for await (const state of readWordNet()) {
      if (last.length === BATCH || (last[0] !== undefined && last[0].kind !== state.kind)) {
        batches.push(last);
        last = [];
      }
      last.push(state);
    }
    batches.push(last);
    const rows = batches.reduce((sum, batch) => sum + batch.length, 0);
    const ms = await time(async () => {
      for (const batch of batches) await insert(database, batch);
    });
    await capturing(database, true);
    return new Floor(database, (rows * 1000) / ms);
  }

  /**
   * Writes the former content of `keys` back after it was overwritten: the changes that a rollback makes, as a person would make them who has
   * kept that content. Under capture, in one transaction, as the rollback does. In rows per second.
   */
  async restore(keys: readonly string[]): Promise<number> {
    const { database } = this;
    const { rows } = await database.query<{ key: string; labels: string; properties: string }>(
      'SELECT key, labels::text, properties::text FROM graph_floor.nodes WHERE key = ANY($1::text[])',
      [keys],
    );
    await database.query(
      `UPDATE graph_floor.nodes SET properties = properties || '{"gloss": "overwritten"}' WHERE key = ANY($1::text[])`,
      [keys],
    );
    await forgetCaptured(database);
    const ms = await time(() =>
      database.transaction(async (tx) => {
        for (let at = 0; at < rows.length; at += RESTORED_BATCH) {
          const batch = rows.slice(at, at + RESTORED_BATCH);
          await tx.query(
            `UPDATE graph_floor.nodes n SET labels = r.labels::text[], properties = r.properties::jsonb
             FROM unnest($1::text[], $2::text[], $3::text[]) AS r (key, labels, properties) WHERE n.key = r.key`,
            [batch.map((r) => r.key), batch.map((r) => r.labels), batch.map((r) => r.properties)],
          );
        }
      }),
    );
    const [seen] = (await database.query<{ count: bigint }>('SELECT count(*) FROM graph_floor.outbox')).rows;
    if (seen?.count !== BigInt(keys.length)) throw new Error(`capture saw ${seen?.count} of ${keys.length} changes`);
    await forgetCaptured(database);
    return (keys.length * 1000) / ms;
  }
}

/** Nobody records here. */
async function forgetCaptured(database: Database): Promise<void> {
  await database.script('TRUNCATE graph_floor.outbox, graph_floor.outbox_transactions');
}

async function capturing(database: Database, on: boolean): Promise<void> {
  for (const table of ['nodes', 'relationships'])
    await database.script(`ALTER TABLE graph_floor.${table} ${on ? 'ENABLE' : 'DISABLE'} TRIGGER USER`);
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
