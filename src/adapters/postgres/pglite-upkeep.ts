import type { PGlite } from '@electric-sql/pglite';
import type { PgliteGate } from './pglite-gate.ts';

/** How often tables are looked at. One look takes one table at most, so that nobody waits for several. */
const EVERY_MS = 30_000;
/** Rows below which a table is left alone. */
const FEW = 5000;

interface Worn {
  readonly name: string;
  readonly dead: boolean;
  /** Those that an index or a key holds; statements choose rows by no others, and content is dear to sample. */
  readonly columns: string;
}

/**
 * What autovacuum does on a server and PGlite has nobody for: room of dead rows is made free again, and the planner's statistics are renewed, of
 * tables that changed by a fifth. `entity_versions` is left out of the first: its rows die only where the next one fits into their place.
 */
export class PgliteUpkeep {
  readonly #gate: PgliteGate;
  readonly #timer: NodeJS.Timeout;
  #running = false;

  constructor(gate: PgliteGate) {
    this.#gate = gate;
    this.#timer = setInterval(() => void this.look().catch(() => {}), EVERY_MS).unref();
  }

  /** @returns the table that was taken care of, if one had to be */
  async look(): Promise<string | null> {
    if (this.#running) return null;
    this.#running = true;
    try {
      return await this.#gate.turn(() => takeCare(this.#gate.pglite));
    } finally {
      this.#running = false;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function takeCare(pglite: PGlite): Promise<string | null> {
  const { rows } = await pglite.query<Worn>(WORN, [FEW]);
  const [worn] = rows;
  if (worn === undefined) return null;
  if (worn.dead) await pglite.exec(`VACUUM ${worn.name}`);
  await pglite.exec(`ANALYZE ${worn.name} (${worn.columns})`);
  return worn.name;
}

// The counters are of this session: rows that died before it are noticed once as many have died again. A table's size against what its
// statistics know does not forget.
const WORN = `
  SELECT format('%I.%I', s.schemaname, s.relname) AS name, d.dead,
    (SELECT string_agg(DISTINCT quote_ident(a.attname), ', ') FROM pg_index i JOIN pg_attribute a
       ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[]) WHERE i.indrelid = s.relid) AS columns
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid CROSS JOIN LATERAL (
    SELECT s.relname <> 'entity_versions' AND s.n_dead_tup > $1::int8 + greatest(c.reltuples, 0) / 5 AS dead,
      pg_relation_size(c.oid) / current_setting('block_size')::int > 1.2 * c.relpages + 64 AS grown
  ) d
  WHERE (d.dead OR d.grown) AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = s.relid AND i.indkey[0] <> 0)
  ORDER BY d.dead DESC, s.n_dead_tup DESC LIMIT 1`;
