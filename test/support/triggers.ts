import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver } from 'neo4j-driver';
import type { Connection } from '../../src/adapters/neo4j/connection.ts';
import { TRIGGER_NAME } from '../../src/adapters/neo4j/trigger/installation.ts';
import { triggerStatement } from '../../src/adapters/neo4j/trigger/statement.ts';
import { CAPTURE_DEFAULTS } from '../../src/adapters/neo4j/trigger/trigger-capture.ts';
import { trustedMetadata } from '../../src/adapters/neo4j/trigger/trust.ts';

/** The trigger's statement for a secret, by its SHA-256, with all options at their defaults. */
export function statementFor(secretHash: string): string {
  const keys = { keyProperty: 'palinodeKey', givesKeys: true, derivedProperties: [] };
  return triggerStatement({ ...keys, ...CAPTURE_DEFAULTS, secretHash });
}

/** A statement as there was before there were secrets: whatever metadata says of itself is believed. */
export function trustingStatement(): string {
  const believing = `WITH true AS ours, CASE WHEN $metaData.palinode IS :: MAP NOT NULL THEN $metaData.palinode ELSE {} END AS who
    WHERE $metaData.palinodeDrain IS NULL OR $metaData.palinodeDrain <> true`;
  return statementFor('none').replace(trustedMetadata('none'), believing);
}

/** Puts another statement in the place of the trigger's. Returns when the database runs it. */
export async function replaceTrigger(connection: Connection, statement: string): Promise<void> {
  await connection.command(
    `CALL apoc.trigger.install('neo4j', $name, $statement, {phase: 'before'}, {}) YIELD name RETURN name`,
    { name: TRIGGER_NAME, statement },
    'system',
  );
  while ((await runningTrigger(connection)) !== statement) await sleep(20);
}

/** The statement that the database runs. */
export async function runningTrigger(connection: Connection): Promise<unknown> {
  const [row] = await connection.read('CALL apoc.trigger.list() YIELD name, query WHERE name = $name RETURN query', {
    name: TRIGGER_NAME,
  });
  return row?.query;
}

/** What an administrator does to the trigger. Returns when the database heeds it. */
export async function administer(driver: Driver, procedure: 'drop' | 'stop' | 'start'): Promise<void> {
  await driver.executeQuery(`CALL apoc.trigger.${procedure}('neo4j', '${TRIGGER_NAME}')`, {}, { database: 'system' });
  for (;;) {
    const { records } = await driver.executeQuery(
      `CALL apoc.trigger.list() YIELD name, paused WHERE name = '${TRIGGER_NAME}' RETURN paused`,
    );
    const [row] = records;
    const state = row === undefined ? 'drop' : row.get('paused') === true ? 'stop' : 'start';
    if (state === procedure) return;
    await sleep(20);
  }
}
