import { randomBytes } from 'node:crypto';
import type { CaptureSecret } from '../../ports/capture-secret.ts';
import type { SqlExecutor } from '../../ports/database.ts';

const BYTES = 32;

/** The secret of one graph, in the table `capture_secrets`. It goes when the graph is detached: see `PostgresAttachmentStore.end`. */
export class PostgresCaptureSecret implements CaptureSecret {
  readonly #database: SqlExecutor;
  readonly #graphId: number;

  constructor(database: SqlExecutor, graphId: number) {
    this.#database = database;
    this.#graphId = graphId;
  }

  async get(): Promise<string | null> {
    const { rows } = await this.#database.query<{ secret: string }>(
      'SELECT secret FROM capture_secrets WHERE graph_id = $1',
      [this.#graphId],
    );
    return rows[0]?.secret ?? null;
  }

  async claim(): Promise<string> {
    // The update changes nothing: it is how one statement waits for whoever inserts at the same time, and gives back what is there then.
    const { rows } = await this.#database.query<{ secret: string }>(
      `INSERT INTO capture_secrets (graph_id, secret) VALUES ($1, $2)
       ON CONFLICT (graph_id) DO UPDATE SET graph_id = excluded.graph_id RETURNING secret`,
      [this.#graphId, randomBytes(BYTES).toString('base64url')],
    );
    const [row] = rows;
    if (row === undefined) throw new TypeError('no secret came back');
    return row.secret;
  }
}
