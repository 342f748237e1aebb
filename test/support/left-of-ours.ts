import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver } from 'neo4j-driver';

const PATIENCE_MS = 90_000;

export interface Left {
  readonly nodes: bigint;
  /** Ours that run, which are none where APOC is not there. */
  readonly triggers: bigint;
}

/** What a graph still holds of the service's. */
export async function leftOfOurs(driver: Driver): Promise<Left> {
  const number = async (text: string): Promise<bigint> => (await driver.executeQuery(text)).records[0]?.get('n') ?? 0n;
  const procedures = await number(`SHOW PROCEDURES YIELD name WHERE name = 'apoc.trigger.list' RETURN count(*) AS n`);
  const nodes = await number(
    `MATCH (x) WHERE any(l IN labels(x) WHERE l STARTS WITH '_Palinode') RETURN count(x) AS n`,
  );
  if (procedures === 0n) return { nodes, triggers: 0n };
  const triggers = await number(
    `CALL apoc.trigger.list() YIELD name WHERE name STARTS WITH '_palinode' RETURN count(*) AS n`,
  ).catch(() => 0n);
  return { nodes, triggers };
}

/** @throws Error that says what is left when it is there for too long */
export async function untilNothingIsLeft(driver: Driver): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const left = await leftOfOurs(driver);
    if (left.nodes === 0n && left.triggers === 0n) return;
    if (Date.now() > deadline) throw new Error(`left of ours: ${left.nodes} nodes, ${left.triggers} triggers`);
    await sleep(50);
  }
}
