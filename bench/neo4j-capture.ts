import { randomUUID } from 'node:crypto';
import type { Driver } from 'neo4j-driver';
import { Connection } from '../src/adapters/neo4j/connection.ts';
import { OwnMetadata } from '../src/adapters/neo4j/own-metadata.ts';
import { TriggerInstallation } from '../src/adapters/neo4j/trigger/installation.ts';
import { triggerStatement } from '../src/adapters/neo4j/trigger/statement.ts';
import { CAPTURE_DEFAULTS } from '../src/adapters/neo4j/trigger/trigger-capture.ts';
import { loadWordNet, startBenchNeo4j } from './neo4j-server.ts';
import { type Figure, median, passes, printTable, save } from './report.ts';

/**
 * What capture costs writers: the same writes on WordNet with the trigger and without, round by round in turn, after warm-up. The figure is
 * the median of the rounds' ratios. Beside it a trigger that leaves one node and looks at nothing, which none can be cheaper than. Missed
 * bars end it with 1.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const WARM_UP = 3;
const BATCH = 1_000;
const BATCHES = 10;
const SINGLES = 1_000;
/** In a round of warm-up: the server compiles what it runs often, and on two cores takes its time. */
const FIRST_SINGLES = 10_000;
const BARS = { updates: 0.65, creates: 0.5, deletes: 0.45, 'single-statement transactions': 0.9 } as const;
type Work = keyof typeof BARS;
type Rates = Record<Work, number>;

const SIDES = ['without', 'least', 'captured'] as const;
type Round = Record<(typeof SIDES)[number], Rates>;

const graph = await startBenchNeo4j();
const connection = new Connection({ url: graph.url });
const options = { keyProperty: 'palinodeKey', givesKeys: true, derivedProperties: [], ...CAPTURE_DEFAULTS };
const secret = randomUUID();
const own = new OwnMetadata({ get: async () => secret, claim: async () => secret });
const triggers = {
  without: null,
  least: new TriggerInstallation(connection, 'bench', own, () => "CREATE (:_PalinodeOutbox {payload: ''})"),
  captured: new TriggerInstallation(connection, 'bench', own, (secretHash) =>
    triggerStatement({ ...options, secretHash }),
  ),
};
const figures: Figure[] = [];
try {
  await loadWordNet(graph.driver);
  await graph.driver.executeQuery('MATCH (n) SET n.palinodeKey = randomUUID()');
  const rounds: Round[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const rates: Partial<Round> = {};
    for (const side of SIDES) rates[side] = await ratesUnder(triggers[side], round);
    if (round >= WARM_UP) rounds.push(rates as Round); // All sides are there.
  }
  for (const [name, bar] of Object.entries(BARS)) {
    const work = name as Work; // Keys of BARS.
    const ratio = (side: 'least' | 'captured') => median(rounds.map((one) => one[side][work] / one.without[work]));
    const [without, captured] = (['without', 'captured'] as const).map((side) =>
      Math.round(median(rounds.map((round) => round[side][work]))),
    );
    const detail = `${captured}/s of ${without}/s; a trigger that leaves one node ${ratio('least').toPrecision(2)}`;
    const unit = 'of the rate without';
    figures.push({
      engine: 'server',
      name: `writers: ${name}`,
      value: ratio('captured'),
      unit,
      bar,
      bound: 'at least',
      detail,
    });
  }
} finally {
  await connection.close();
  await graph.stop();
  printTable(figures);
  save('neo4j-capture', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function ratesUnder(trigger: TriggerInstallation | null, round: number): Promise<Rates> {
  await trigger?.install();
  const rates = await ratesOf(graph.driver, round);
  await trigger?.remove();
  await connection.write({}, (tx) => tx.run('MATCH (o:_PalinodeOutbox) DELETE o'));
  return rates;
}

async function ratesOf(driver: Driver, round: number): Promise<Rates> {
  const { records } = await driver.executeQuery(
    'MATCH (n:Synset) WHERE n.bench IS NULL WITH n SKIP $skip LIMIT $limit RETURN elementId(n) AS id, properties(n) AS properties',
    { skip: BigInt((round % 5) * BATCH * BATCHES), limit: BigInt(BATCH * BATCHES) },
  );
  const rows = records.map((record, at) => {
    const { palinodeKey: _, synset, ...properties } = record.get('properties') as Record<string, unknown>; // What properties() gives.
    return {
      id: record.get('id'),
      at,
      gloss: `${String(properties.gloss)} ${round}`,
      properties: { ...properties, bench: `${round}:${String(synset)}` },
    };
  });
  const batches = Array.from({ length: BATCHES }, (_, i) => rows.slice(i * BATCH, (i + 1) * BATCH));
  const update = 'UNWIND $rows AS row MATCH (n) WHERE elementId(n) = row.id SET n.gloss = row.gloss';
  const create = `UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row.id
    CREATE (n:Synset:Bench) SET n = row.properties CREATE (a)-[:HYPERNYM {source: row.at, target: 0}]->(n), (n)-[:HYPONYM {source: 0, target: row.at}]->(a)`;
  const each = (text: string) => async () => {
    for (const some of batches) await driver.executeQuery(text, { rows: some });
  };
  const updates = await rateOf(rows.length, each(update));
  const creates = await rateOf(rows.length * 3, each(create));
  const deletes = await rateOf(rows.length * 3, async () => {
    for (let i = 0; i < BATCHES; i += 1)
      await driver.executeQuery(`MATCH (n:Bench) WITH n LIMIT ${BATCH} DETACH DELETE n`);
  });
  const count = round < WARM_UP ? FIRST_SINGLES : SINGLES;
  const singles = await rateOf(count, async () => {
    for (const row of rows.slice(0, count))
      await driver.executeQuery('MATCH (n) WHERE elementId(n) = $id SET n.gloss = $gloss', {
        id: row.id,
        gloss: `${row.gloss} again`,
      });
  });
  return { updates, creates, deletes, 'single-statement transactions': singles };
}

async function rateOf(count: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (count * 1000) / (performance.now() - began);
}
