import type { Driver } from 'neo4j-driver';

/** What a session does to WordNet: 10,000 changes of every kind, and what it takes to take them back by hand. */
export interface Session {
  readonly updated: readonly string[];
  readonly created: readonly string[];
  readonly tied: readonly string[];
  readonly untied: readonly Untied[];
  readonly weighed: readonly string[];
}

interface Untied {
  readonly id: string;
  readonly start: string;
  readonly end: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export const SESSION_SIZE = 10_000;
const NODES_UPDATED = 5000;
const NODES_CREATED = 1500;
const RELATIONSHIPS_CREATED = 1500;
const RELATIONSHIPS_DELETED = 1000;
const RELATIONSHIPS_UPDATED = 1000;
const BATCH = 1000;

type Run = (text: string, params: Record<string, unknown>) => Promise<Record<string, unknown>[]>;

/** Writes in batches of a thousand, as the session's own client would. `round` keeps rounds from touching the same entities. */
export async function writeSession(driver: Driver, metadata: Record<string, unknown>, round: number): Promise<Session> {
  const run = runner(driver, metadata);
  const nodes = await run('MATCH (n:Synset) RETURN elementId(n) AS id ORDER BY n.synset SKIP $skip LIMIT $limit', {
    skip: BigInt(round * NODES_UPDATED),
    limit: BigInt(NODES_UPDATED),
  });
  const updated = nodes.map(({ id }) => String(id));
  await inBatches(updated, (ids) =>
    run('MATCH (n) WHERE elementId(n) IN $ids SET n.reviewed = true, n.reviewer = "bench", n.gloss = n.gloss + "!"', {
      ids,
    }),
  );
  const created: string[] = [];
  await inBatches([...Array(NODES_CREATED).keys()], async (numbers) => {
    const rows = numbers.map((number) => ({ name: `note ${round}-${number}`, number: BigInt(number) }));
    const made = await run('UNWIND $rows AS row CREATE (n:Note) SET n = row RETURN elementId(n) AS id', { rows });
    created.push(...made.map(({ id }) => String(id)));
  });
  const tied: string[] = [];
  await inBatches(created.slice(0, RELATIONSHIPS_CREATED), async (ids) => {
    const rows = ids.map((id, at) => ({ id, to: updated[at] ?? '' }));
    const made = await run(
      `UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row.id MATCH (b) WHERE elementId(b) = row.to
       CREATE (a)-[r:ABOUT {by: "bench"}]->(b) RETURN elementId(r) AS id`,
      { rows },
    );
    tied.push(...made.map(({ id }) => String(id)));
  });
  const found = await run(
    `MATCH (a:Synset)-[r]->(b:Synset) WHERE NOT type(r) = 'ABOUT' RETURN elementId(r) AS id, elementId(a) AS start, elementId(b) AS end, type(r) AS type,
       properties(r) AS properties SKIP $skip LIMIT $limit`,
    {
      skip: BigInt(round * 2 * (RELATIONSHIPS_DELETED + RELATIONSHIPS_UPDATED)),
      limit: BigInt(RELATIONSHIPS_DELETED + RELATIONSHIPS_UPDATED),
    },
  );
  // Rows of the statement above, which names these columns.
  const untied = found.slice(0, RELATIONSHIPS_DELETED) as unknown as Untied[];
  const weighed = found.slice(RELATIONSHIPS_DELETED).map(({ id }) => String(id));
  await inBatches(weighed, (ids) => run('MATCH ()-[r]->() WHERE elementId(r) IN $ids SET r.weight = 0.5', { ids }));
  await inBatches(untied, (rows) =>
    run('MATCH ()-[r]->() WHERE elementId(r) IN $ids DELETE r', { ids: rows.map(({ id }) => id) }),
  );
  return { updated, created, tied, untied, weighed };
}

/** Takes a session back with the fewest and plainest statements that do, without looking at what is there. */
export async function takeBackByHand(driver: Driver, session: Session): Promise<void> {
  const run = runner(driver, {});
  await inBatches(session.tied, (ids) => run('MATCH ()-[r]->() WHERE elementId(r) IN $ids DELETE r', { ids }));
  await inBatches(session.created, (ids) => run('MATCH (n) WHERE elementId(n) IN $ids DELETE n', { ids }));
  await inBatches(session.updated, (ids) =>
    run(
      `UNWIND $rows AS row MATCH (n) WHERE elementId(n) = row.id
       SET n += {reviewed: null, reviewer: null, gloss: left(n.gloss, size(n.gloss) - 1)}`,
      { rows: ids.map((id) => ({ id })) },
    ),
  );
  await inBatches(session.untied, (rows) =>
    run(
      `UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row.start MATCH (b) WHERE elementId(b) = row.end
       CREATE (a)-[r:$(row.type)]->(b) SET r = row.properties`,
      { rows },
    ),
  );
  await inBatches(session.weighed, (ids) =>
    run('UNWIND $rows AS row MATCH ()-[r]->() WHERE elementId(r) = row.id SET r += {weight: null}', {
      rows: ids.map((id) => ({ id })),
    }),
  );
}

function runner(driver: Driver, metadata: Record<string, unknown>): Run {
  return async (text, params) => {
    const session = driver.session();
    try {
      const { records } = await session.run(text, params, { metadata });
      return records.map((record) => record.toObject());
    } finally {
      await session.close();
    }
  };
}

async function inBatches<Item>(items: readonly Item[], work: (batch: Item[]) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) await work(items.slice(at, at + BATCH));
}
