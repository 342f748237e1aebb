import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { engines } from '../support/engines.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startProcess } from '../support/processes.ts';

const child = fileURLToPath(new URL('../support/schema-child.ts', import.meta.url));

/**
 * All that the migrations make beyond what Prisma's language has words for: partial indexes, indexes in another order, checks, functions
 * and triggers. Prisma leaves these alone; whoever adds one says here what it is for.
 */
const BEYOND_PRISMA: readonly string[] = [
  'check entity_versions_kind_check', // a kind is 0 or 1
  'index entity_versions_start_idx', // relationships of a node, by start: nodes have none
  'index entity_versions_end_idx', // and by end
  'index entity_versions_type_idx', // relationships by type
  'index sessions_open_key', // one open session per name and actor
  'index rollback_points_expiry_idx', // points that will expire
  'index rollback_points_validating_idx', // validations that nobody may be doing
  'index rollback_operations_safety_point_id_idx', // points that operations need
  'index rollback_operations_resumes_id_idx', // what goes on from an operation
  'index rollback_operations_rehearsal_of_id_idx', // what was executed from a preview
  'index rollback_operations_undo_operation_id_idx', // what undoes an operation
  'index rollback_operations_marked_idx', // operations whose marker may still be in the graph
  'index rollback_operations_replanning_idx', // plans that are being made again
  'index rollback_operations_open_idx', // operations of a graph that have not ended
  'index operation_conflicts_open_idx', // conflicts that wait for a decision
  'index operation_conflicts_unplanned_idx', // decisions that no plan has taken in
  'index operation_plan_conflict_id_idx', // what hangs on a conflict
  'index rehearsals_scratch_idx', // rehearsals that run, or have left a scratch graph
  'index point_archives_running_idx', // archives that are being written
  'index verifications_running_key', // one verification of a graph at a time
  'index blobs_freed_idx', // blobs that may have to go
  'function palinode_audit_hash', // the audit log: each row is hashed,
  'function palinode_audit_link', // linked to the one before it
  'trigger audit_link',
  'function palinode_audit_is_append_only', // and never changed
  'trigger audit_append_only',
  'trigger audit_no_truncate',
];

const FOUND = `
  SELECT 'check ' || conname AS thing FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
  UNION ALL SELECT 'index ' || indexrelid::regclass FROM pg_index JOIN pg_class c ON c.oid = indexrelid
    WHERE c.relnamespace = 'public'::regnamespace AND (indpred IS NOT NULL OR indexprs IS NOT NULL)
  UNION ALL SELECT 'function ' || proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
    WHERE NOT tgisinternal AND c.relnamespace = 'public'::regnamespace
  UNION ALL SELECT 'view ' || viewname FROM pg_views WHERE schemaname = 'public'`;

/** The statements that Prisma would write to make the database what schema.prisma says. */
async function statementsTowards(url: string, change = ''): Promise<readonly string[]> {
  const running = startProcess(process.execPath, ['--no-warnings', child, url, change]);
  let output = '';
  for (const stream of [running.stdout, running.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => running.on('exit', resolve));
  if (code !== 0) throw new Error(output);
  return JSON.parse(output);
}

describe('the migrations make the tables that schema.prisma describes', () => {
  test('on PGlite', async () => {
    expect(await statementsTowards('pglite')).toEqual([]);
  });

  test('on a PostgreSQL server', async () => {
    await using created = await createTestDatabase();
    expect(await statementsTowards(created.url)).toEqual([]);
  });

  test('and a column, an index or a constraint that one of the two lacks would be noticed', async () => {
    const changes = [
      'ALTER TABLE rollback_points DROP COLUMN description',
      'ALTER TABLE sessions ALTER COLUMN label SET NOT NULL',
      'ALTER TABLE graphs ADD COLUMN more text',
      'DROP INDEX graph_transactions_operation_id_idx',
      'ALTER TABLE sessions DROP CONSTRAINT sessions_graph_id_fkey',
    ];
    const statements = (await statementsTowards('pglite', changes.join(';'))).join('; ');
    expect(statements).toMatch(/"rollback_points" ADD COLUMN "description" TEXT/);
    expect(statements).toMatch(/"sessions" ALTER COLUMN "label" DROP NOT NULL/);
    expect(statements).toMatch(/"graphs" DROP COLUMN "more"/);
    expect(statements).toMatch(/CREATE INDEX "graph_transactions_operation_id_idx"/);
    expect(statements).toMatch(/ADD CONSTRAINT "sessions_graph_id_fkey"/);
  });
});

describe.each(engines)('what the migrations make beyond that on %s', (_, open) => {
  test('is what is listed here', async () => {
    const { database, close } = await open();
    const { rows } = await database.query<{ thing: string }>(FOUND);
    expect(rows.map(({ thing }) => thing).sort()).toEqual([...BEYOND_PRISMA].sort());
    await close();
  });
});
