/**
 * Capture: triggers that write every change into the outbox, in the writer's own transaction. The
 * functions run with the owner's rights, so a writer needs none on the outbox, and with a fixed search
 * path, so a writer cannot lead them astray.
 */
export function capture(schema: string): string {
  return [
    openTransaction(schema),
    completeTransaction(schema),
    captureFunction(schema, NODES),
    captureFunction(schema, RELATIONSHIPS),
    identityFunction(schema),
    triggers(schema, NODES),
    triggers(schema, RELATIONSHIPS),
    completionTrigger(schema),
  ].join('\n');
}

interface Captured {
  readonly table: 'nodes' | 'relationships';
  readonly kind: 'N' | 'R';
  /** Outbox columns that a row fills besides key and properties; `before` and `after` differ for labels only. */
  readonly both: readonly string[];
  readonly before: readonly string[];
  readonly identity: readonly string[];
}

const NODES: Captured = { table: 'nodes', kind: 'N', both: [], before: ['labels'], identity: ['key'] };
const RELATIONSHIPS: Captured = {
  table: 'relationships',
  kind: 'R',
  both: ['type', 'start_key', 'end_key'],
  before: [],
  identity: ['key', 'type', 'start_key', 'end_key'],
};

const RIGHTS = 'SECURITY DEFINER SET search_path = pg_catalog, pg_temp';

/**
 * Who writes is what the transaction's settings say at its first write; a plain SQL writer who says nothing
 * is the database user. Only the service's own writes bring an id and an operation.
 */
const openTransaction = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.open_transaction(tx bigint) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  given CONSTANT text := current_setting('palinode.source', true);
  own CONSTANT boolean := coalesce(given IN ('API', 'ROLLBACK', 'RECONCILE'), false);
BEGIN
  IF EXISTS (SELECT FROM ${schema}.outbox_transactions AS t WHERE t.xid = tx AND t.ord IS NULL) THEN RETURN; END IF;
  -- A transaction that was completed and writes again (SET CONSTRAINTS IMMEDIATE) is completed anew.
  INSERT INTO ${schema}.outbox_transactions AS t (xid, id, session, actor, source, operation) VALUES (
    tx,
    coalesce(CASE WHEN own THEN ${uuidSetting('id')} END, gen_random_uuid()),
    left(nullif(current_setting('palinode.session', true), ''), 512),
    left(coalesce(nullif(current_setting('palinode.actor', true), ''), CASE WHEN NOT own THEN session_user::text END), 512),
    CASE WHEN own THEN given ELSE 'SQL' END,
    CASE WHEN own THEN ${uuidSetting('operation')}::text END
  ) ON CONFLICT (xid) DO UPDATE SET ord = NULL;
END $$;`;

const uuidSetting = (name: string): string =>
  `substring(current_setting('palinode.${name}', true) FROM '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$')::uuid`;

/**
 * Runs at commit, when every row lock is still held: whoever waits for one of them draws a later number.
 * The horizon comes first: all transactions below it had ended before this one got its number.
 */
const completeTransaction = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.complete_transaction() RETURNS trigger LANGUAGE plpgsql ${RIGHTS} SET enable_seqscan = off AS $$
DECLARE
  ended CONSTANT bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  amount bigint;
BEGIN
  SELECT count(*) INTO amount FROM ${schema}.outbox AS o WHERE o.xid = NEW.xid;
  UPDATE ${schema}.outbox_transactions AS t
    SET horizon = ended, changes = amount,
        ord = nextval('${schema}.commit_order'), committed_at = clock_timestamp()
    WHERE t.xid = NEW.xid AND t.ord IS NULL;
  RETURN NULL;
END $$;`;

/**
 * One statement per firing, whatever the number of rows. The full join cannot be planned as a nested loop,
 * which a plan cached for one row would be for a million.
 */
function captureFunction(schema: string, { table, kind, both, before }: Captured): string {
  const columns = (side: 'before' | 'after') =>
    ['xid', 'kind', 'key', ...both, ...before.map((name) => `${name}_${side}`), side].join(', ');
  const values = (from: string) =>
    ['tx', `'${kind}'`, ...['key', ...both, ...before, 'properties'].map((name) => `${from}.${name}`)].join(', ');
  const sides = [...before.flatMap((name) => [`o.${name}`, `n.${name}`]), 'o.properties', 'n.properties'];
  const differs = [...before, 'properties'].map((name) => `o.${name} IS DISTINCT FROM n.${name}`).join(' OR ');
  const updated = ['xid', 'kind', 'key', ...both, ...before.flatMap((name) => [`${name}_before`, `${name}_after`])];
  const either = ['key', ...both].map((name) => `coalesce(n.${name}, o.${name})`);
  return `
CREATE OR REPLACE FUNCTION ${schema}.capture_${table}() RETURNS trigger LANGUAGE plpgsql ${RIGHTS} AS $$
DECLARE
  tx CONSTANT bigint := pg_current_xact_id()::text::bigint;
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO ${schema}.outbox (${columns('after')}) SELECT ${values('n')} FROM added AS n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO ${schema}.outbox (${updated.join(', ')}, before, after)
      SELECT tx, '${kind}', ${[...either, ...sides].join(', ')}
      FROM removed AS o FULL JOIN added AS n ON n.key = o.key WHERE ${differs};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO ${schema}.outbox (${columns('before')}) SELECT ${values('o')} FROM removed AS o;
  ELSE
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
      RAISE EXCEPTION 'TRUNCATE removes rows that this transaction cannot see; use READ COMMITTED, or DELETE'
        USING ERRCODE = 'feature_not_supported';
    END IF;
    INSERT INTO ${schema}.outbox (${columns('before')}) SELECT ${values('o')} FROM ${schema}.${table} AS o;
  END IF;
  IF FOUND THEN PERFORM ${schema}.open_transaction(tx); END IF;
  RETURN NULL;
END $$;`;
}

const identityFunction = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.refuse_new_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % % cannot change: delete it and create another',
    CASE TG_TABLE_NAME WHEN 'nodes' THEN 'the key' ELSE 'key, type and ends' END,
    CASE TG_TABLE_NAME WHEN 'nodes' THEN 'node' ELSE 'relationship' END, quote_literal(OLD.key)
    USING ERRCODE = 'integrity_constraint_violation';
END $$;`;

// Named to fire last among BEFORE triggers, after whatever other triggers made of the row.
function triggers(schema: string, { table, identity }: Captured): string {
  const on = `${schema}.${table}`;
  const statement = (event: string, referencing: string) => `
DROP TRIGGER IF EXISTS palinode_${event.toLowerCase()} ON ${on};
CREATE TRIGGER palinode_${event.toLowerCase()} ${event === 'TRUNCATE' ? 'BEFORE' : 'AFTER'} ${event} ON ${on} ${referencing}
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.capture_${table}();
ALTER TABLE ${on} ENABLE ALWAYS TRIGGER palinode_${event.toLowerCase()};`;
  return `${statement('INSERT', 'REFERENCING NEW TABLE AS added')}
${statement('UPDATE', 'REFERENCING OLD TABLE AS removed NEW TABLE AS added')}
${statement('DELETE', 'REFERENCING OLD TABLE AS removed')}
${statement('TRUNCATE', '')}
DROP TRIGGER IF EXISTS zz_palinode_identity ON ${on};
CREATE TRIGGER zz_palinode_identity BEFORE UPDATE ON ${on} FOR EACH ROW
  WHEN (${identity.map((name) => `OLD.${name} IS DISTINCT FROM NEW.${name}`).join(' OR ')})
  EXECUTE FUNCTION ${schema}.refuse_new_identity();
ALTER TABLE ${on} ENABLE ALWAYS TRIGGER zz_palinode_identity;`;
}

const completionTrigger = (schema: string): string => `
DROP TRIGGER IF EXISTS palinode_complete ON ${schema}.outbox_transactions;
CREATE CONSTRAINT TRIGGER palinode_complete AFTER INSERT OR UPDATE ON ${schema}.outbox_transactions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.ord IS NULL)
  EXECUTE FUNCTION ${schema}.complete_transaction();
ALTER TABLE ${schema}.outbox_transactions ENABLE ALWAYS TRIGGER palinode_complete;`;
