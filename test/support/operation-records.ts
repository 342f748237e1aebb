import type { EntityState } from '../../src/core/entities.ts';
import type { SqlExecutor } from '../../src/ports/database.ts';
import type { OperationProof } from '../../src/ports/operation-store.ts';

/** What the tables hold of an operation, by plain SQL. */
export function operationRecords(database: SqlExecutor) {
  const row = async <Row>(sql: string, id: string): Promise<Row[]> => (await database.query<Row>(sql, [id])).rows;
  return {
    planRows: (id: string) =>
      row<{ kind: number; key: string; action: string; state: string; reason: string | null; cascade: boolean }>(
        'SELECT kind, key, action, state, reason, cascade FROM operation_plan WHERE operation_id = $1 ORDER BY kind, key',
        id,
      ),
    conflicts: (id: string) =>
      row<{
        kind: number;
        key: string;
        type: string;
        aspect: string;
        property: string | null;
        status: string;
        resolution: string | null;
      }>(
        `SELECT kind, key, type, aspect, property, status, resolution FROM operation_conflicts WHERE operation_id = $1 ORDER BY no`,
        id,
      ),
    events: (id: string) =>
      row<{ seq: bigint; type: string; status: string; progress: number; message: string | null }>(
        'SELECT seq, type, status, progress, message FROM operation_events WHERE operation_id = $1 ORDER BY seq',
        id,
      ),
    /** Of its proof. */
    differences: (id: string) =>
      row<{ no: bigint; key: string; explained: boolean; actual: EntityState | null }>(
        'SELECT no, key, explained, actual FROM proof_differences WHERE operation_id = $1 ORDER BY no',
        id,
      ),
    /** What the audit log says of an operation. */
    audit: async (id: string): Promise<string[]> =>
      (
        await row<{ type: string }>(
          'SELECT event_type AS type FROM rollback_audit_log WHERE operation_id = $1 ORDER BY seq',
          id,
        )
      ).map(({ type }) => type),
    details: async (id: string) =>
      (
        await row<{
          error_message: string | null;
          proof: OperationProof | null;
          account: Record<string, string> | null;
        }>('SELECT error_message, proof, account FROM rollback_operations WHERE id = $1', id)
      )[0],
  };
}
