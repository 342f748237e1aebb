import type { SqlExecutor } from '../../ports/database.ts';
import type { CaptureFinding } from '../../ports/knowledge-graph.ts';
import { TRIGGER_TABLES } from './graph-schema.ts';

/** The finding of a database that was restored from a dump, or otherwise is another one than before. */
export const STORE_CHANGED = 'STORE_CHANGED';

/** What tells a trigger apart from one of the same name that was made, or switched off and on, later. */
export interface TriggerRecord {
  readonly name: string;
  /** 'A' fires always, 'O' not under session_replication_role = replica, 'D' never. */
  readonly enabled: string;
  /** The catalog row and the transaction that wrote it last. */
  readonly identity: string;
  /** Hash of the function's definition. */
  readonly definition: string;
}

/** What `install` noted when it was done. */
export interface Installed {
  readonly version: number;
  readonly store: string;
  readonly triggers: readonly TriggerRecord[];
}

/** Null when the graph was never attached. */
export async function readInstalled(on: SqlExecutor, schema: string): Promise<Installed | null> {
  const { rows: exists } = await on.query(`SELECT WHERE to_regclass($1) IS NOT NULL`, [`${schema}.capture`]);
  if (exists.length === 0) return null;
  const { rows } = await on.query<Installed>(`SELECT version, store, triggers FROM ${schema}.capture`);
  return rows[0] ?? null;
}

/** The capture triggers as they stand now, by table and name. */
export async function readTriggers(on: SqlExecutor, schema: string): Promise<TriggerRecord[]> {
  const { rows } = await on.query<TriggerRecord>(
    `SELECT c.relname || '.' || t.tgname AS name, t.tgenabled::text AS enabled, t.oid || '/' || t.xmin::text AS identity,
       md5(pg_get_functiondef(t.tgfoid)) AS definition
     FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
     WHERE c.oid IN (${TRIGGER_TABLES.map((table) => `to_regclass('${schema}.${table}')`).join(', ')})
       AND t.tgname ~ '^(zz_)?palinode_' AND NOT t.tgisinternal
     ORDER BY 1`,
  );
  return rows;
}

/** Which database this is. A dump that is restored elsewhere has another one. */
export async function readStore(on: SqlExecutor): Promise<string> {
  const { rows } = await on.query<{ store: string }>(
    `SELECT system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS store
     FROM pg_control_system()`,
  );
  return rows[0]?.store ?? '';
}

/** What is not as it was installed. Each of it may have let writes pass unseen. */
export function compareTriggers(installed: Installed, now: readonly TriggerRecord[], store: string): CaptureFinding[] {
  if (installed.store !== store)
    return [gap(STORE_CHANGED, 'the database is another one than before: a restored dump')];
  const present = new Map(now.map((trigger) => [trigger.name, trigger]));
  const findings = installed.triggers.map((expected) => compare(expected, present.get(expected.name)));
  return findings.filter((finding) => finding !== null);
}

function compare(expected: TriggerRecord, found: TriggerRecord | undefined): CaptureFinding | null {
  const name = `trigger ${expected.name}`;
  if (found === undefined) return gap('TRIGGER_MISSING', `${name} is missing`);
  if (found.enabled === 'D') return gap('TRIGGER_DISABLED', `${name} is disabled`);
  if (found.enabled !== 'A') return gap('TRIGGER_DISABLED', `${name} does not fire always`);
  if (found.identity !== expected.identity) return gap('TRIGGER_ALTERED', `${name} was changed or was off for a time`);
  if (found.definition !== expected.definition) return gap('TRIGGER_ALTERED', `the function of ${name} was changed`);
  return null;
}

function gap(kind: string, message: string): CaptureFinding {
  return { kind, message, key: null, gap: true };
}

/** What is wrong with capture now, and what was when it was last repaired. Empty when all is well. */
export async function inspect(on: SqlExecutor, schema: string): Promise<CaptureFinding[]> {
  const installed = await readInstalled(on, schema);
  if (installed === null) return [gap('NOT_INSTALLED', 'capture is not installed')];
  const { rows } = await on.query<{ id: bigint; kind: string; message: string }>(
    `SELECT id, kind, message FROM ${schema}.incidents ORDER BY id`,
  );
  const past = rows.map(({ id, kind, message }) => ({ ...gap(kind, message), incident: id.toString() }));
  return [...past, ...compareTriggers(installed, await readTriggers(on, schema), await readStore(on))];
}
