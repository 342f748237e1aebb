import type { Database } from '../../../ports/database.ts';
import type { OperationEvents, StoredOperationEvent } from '../../../ports/operation-events.ts';

const COLUMNS = `id, operation_id AS "operationId", seq, at, type, status, progress, counts, message, conflict_id AS "conflictId"`;

/** Reads operations' events from PostgreSQL by their keys. */
export class PostgresOperationEvents implements OperationEvents {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async ofOperation(operationId: string, afterSeq: bigint, limit: number): Promise<readonly StoredOperationEvent[]> {
    const sql = `SELECT ${COLUMNS} FROM operation_events WHERE operation_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`;
    return (await this.#database.query<StoredOperationEvent>(sql, [operationId, afterSeq, limit])).rows;
  }

  async ofGraph(graphId: number, afterId: bigint, limit: number): Promise<readonly StoredOperationEvent[]> {
    const sql = `SELECT ${COLUMNS} FROM operation_events WHERE graph_id = $1 AND id > $2 ORDER BY id LIMIT $3`;
    return (await this.#database.query<StoredOperationEvent>(sql, [graphId, afterId, limit])).rows;
  }
}
