import { CaptureError } from '../../core/errors.ts';
import type { Database, SqlExecutor } from '../../ports/database.ts';
import type { CaptureFinding } from '../../ports/knowledge-graph.ts';
import { capture } from './ddl-capture.ts';
import { constraintFunctions } from './ddl-constraints.ts';
import { tables } from './ddl-tables.ts';
import { valueFunctions } from './ddl-values.ts';
import { SCHEMA_VERSION } from './graph-schema.ts';
import {
  compareTriggers,
  type Installed,
  readInstalled,
  readStore,
  readTriggers,
  STORE_CHANGED,
} from './inspection.ts';

/** A horizon that no transaction lies below. */
const BEFORE_ALL = '-9223372036854775808';

/**
 * Creates what is missing and repairs capture. Does nothing when all is as this build would make it;
 * otherwise one transaction under an advisory lock, so two instances may do it at once. What was found
 * damaged is kept as an incident: writes may have been missed while it was.
 * @throws CaptureError when a newer build made the tables, or the database is not in UTF-8
 */
export async function install(database: Database, schema: string): Promise<{ storeId: string; isNew: boolean }> {
  const found = await readInstalled(database, schema);
  assertNotNewer(found);
  const storeId = await readStore(database);
  if (found?.version === SCHEMA_VERSION && (await damageOf(database, schema, found)).length === 0) {
    return { storeId, isNew: false };
  }
  await database.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('palinode embedded graph ' || $1, 0))`, [schema]);
    await assertUtf8(tx);
    const installed = await readInstalled(tx, schema);
    assertNotNewer(installed);
    const damage = installed === null ? [] : await damageOf(tx, schema, installed);
    if (installed?.version === SCHEMA_VERSION && damage.length === 0) return;
    await tx.script(
      `CREATE SCHEMA IF NOT EXISTS ${schema};${valueFunctions(schema)}${tables(schema)}${capture(schema)}${constraintFunctions(schema)}`,
    );
    await noteIncidents(tx, schema, damage);
    if (damage.some(({ kind }) => kind === STORE_CHANGED)) await beginNewLife(tx, schema);
    await completeUnordered(tx, schema);
    await tx.query(
      `INSERT INTO ${schema}.capture (version, store, triggers) VALUES ($1, $2, $3::jsonb)
       ON CONFLICT (one) DO UPDATE SET version = excluded.version, store = excluded.store, triggers = excluded.triggers`,
      [SCHEMA_VERSION, await readStore(tx), JSON.stringify(await readTriggers(tx, schema))],
    );
  });
  return { storeId, isNew: found === null };
}

async function damageOf(on: SqlExecutor, schema: string, installed: Installed): Promise<CaptureFinding[]> {
  return compareTriggers(installed, await readTriggers(on, schema), await readStore(on));
}

async function noteIncidents(tx: SqlExecutor, schema: string, damage: readonly CaptureFinding[]): Promise<void> {
  if (damage.length === 0) return;
  await tx.query(`INSERT INTO ${schema}.incidents (kind, message) SELECT * FROM unnest($1::text[], $2::text[])`, [
    damage.map(({ kind }) => kind),
    damage.map(({ message }) => message),
  ]);
}

/**
 * A restored dump counts transactions from the start again. What it brought along in the outbox keeps its
 * order below zero, where no new transaction id can meet it, and is no cut until a scan has seen all of it.
 */
async function beginNewLife(tx: SqlExecutor, schema: string): Promise<void> {
  const { rows } = await tx.query<{ shift: bigint }>(
    `SELECT 1 + greatest(max(xid), 0) - least(min(xid), 0) AS shift
     FROM (SELECT xid FROM ${schema}.outbox_transactions UNION ALL SELECT xid FROM ${schema}.outbox) AS o`,
  );
  const shift = rows[0]?.shift ?? 0n;
  await tx.query(`UPDATE ${schema}.outbox SET xid = xid - $1 WHERE xid > 0`, [shift]);
  await tx.query(`UPDATE ${schema}.outbox_transactions SET xid = xid - $1 WHERE xid > 0`, [shift]);
  await tx.query(`UPDATE ${schema}.outbox_transactions SET horizon = ${BEFORE_ALL} WHERE ord IS NOT NULL`);
  await tx.query(`UPDATE ${schema}.capture SET newest_recorded = 0`);
}

/** Transactions that committed while the trigger that gives them their place was off come last. */
async function completeUnordered(tx: SqlExecutor, schema: string): Promise<void> {
  await tx.query(
    `UPDATE ${schema}.outbox_transactions AS t SET ord = nextval('${schema}.commit_order'), horizon = ${BEFORE_ALL},
       committed_at = clock_timestamp(), changes = (SELECT count(*) FROM ${schema}.outbox AS o WHERE o.xid = t.xid)
     WHERE ord IS NULL`,
  );
}

async function assertUtf8(tx: SqlExecutor): Promise<void> {
  const { rows } = await tx.query<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`);
  const encoding = rows[0]?.encoding ?? '';
  if (encoding !== 'UTF8') throw new CaptureError(`the database is encoded in ${encoding}, a graph needs UTF8`, 'OFF');
}

function assertNotNewer(installed: Installed | null): void {
  if (installed === null || installed.version <= SCHEMA_VERSION) return;
  throw new CaptureError(
    `the graph's tables are of version ${installed.version}; this build knows versions up to ${SCHEMA_VERSION}`,
    'OFF',
  );
}
