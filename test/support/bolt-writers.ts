import neo4j, { type Driver } from 'neo4j-driver';

/** One statement of a user's. */
export interface BoltStatement {
  readonly text: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Numbers below a bound, the same for the same seed. */
export type Pick = (below: number) => number;

export function picker(seed: number): Pick {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), state | 1) + 0x6d2b79f5) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 7), 61 | state) ^ state;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const NAMES = ['p', 'q', 'a.b', 'x`y', 'é 😀', 'at', '__proto__', "it's", '\\u0041', 'palinodekey', ' ', 'node'];
const LABELS = ['A', 'B', 'Thing', 'x`y', 'é 😀', 'a b'];
const TYPES = ['KNOWS', 'LIKES', 't`y', 'ü'];
const VALUES: readonly unknown[] = [
  ...[1n, 0n, -1n, 9007199254740993n, -9223372036854775808n, 9223372036854775807n],
  ...[1, 0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 5e-324, 9007199254740992],
  ...['', 'x', 'a\u0000b', '"\\\n', '😀', 'NaN', '1', 'y'.repeat(3000)],
  ...[
    true,
    false,
    new Int8Array([1, -2]),
    new Int8Array(0),
    [],
    [1n, 2n],
    [1, 2.5],
    ['a', ''],
    [true],
    [-0, Number.NaN],
  ],
  new neo4j.types.Date(2024, 2, 29),
  new neo4j.types.Date(-99999, 1, 1),
  new neo4j.types.LocalTime(1, 2, 3, 4),
  new neo4j.types.Time(1, 2, 0, 0, 3600),
  new neo4j.types.LocalDateTime(2024, 10, 27, 2, 30, 0, 1),
  new neo4j.types.DateTime(2024, 10, 27, 2, 30, 0, 0, -3600),
  new neo4j.types.Duration(14, -3, -1, 5),
  new neo4j.types.Duration(0, 30, 0, 0),
  new neo4j.types.Point(7203n, 1, -0),
  new neo4j.types.Point(4979n, 1.5, 2, 3),
  [new neo4j.types.Date(2024, 1, 1)],
  [new neo4j.types.Duration(1, 0, 0, 0), new neo4j.types.Duration(0, 30, 0, 0)],
  [new neo4j.types.Point(9157n, 1, 2, 3)],
];

/** A random node, or relationship, of the user's. */
const NODE = `MATCH (n) WHERE NOT n:_PalinodeOutbox AND NOT n:_PalinodeMarker WITH n ORDER BY id(n) SKIP $k % 40 LIMIT 1`;
const TIE = `MATCH ()-[r]->() WITH r ORDER BY id(r) SKIP $k % 40 LIMIT 1`;
const PAIR = `MATCH (n), (m) WHERE NOT n:_PalinodeOutbox AND NOT n:_PalinodeMarker AND NOT m:_PalinodeOutbox AND NOT m:_PalinodeMarker
  WITH n, m ORDER BY id(n), id(m) SKIP $k % 60 LIMIT 1`;
/** With how often each is chosen. */
const KINDS: readonly (readonly [number, string])[] = [
  [8, 'CREATE (n:$($labels)) SET n = $map'],
  [3, 'UNWIND range(1, 1 + $k % 5) AS i CREATE (n:Many {i: i}) SET n[$name] = $value'],
  [8, `${NODE} SET n[$name] = $value`],
  [2, `${NODE} SET n = $map`],
  [2, `${NODE} SET n += $map`],
  [2, `${NODE} SET n = {}`],
  [3, `${NODE} REMOVE n[$name]`],
  [3, `${NODE} SET n:$($labels)`],
  [3, `${NODE} REMOVE n:$($labels)`],
  [8, `${PAIR} CREATE (n)-[r:$($type)]->(m) SET r = $map`],
  [2, `${PAIR} CREATE (n)-[:KNOWS]->(m), (n)-[:KNOWS]->(m), (m)-[:LIKES {x: 1}]->(n)`],
  [2, `${NODE} CREATE (n)-[:SELF]->(n)`],
  [4, `${TIE} SET r[$name] = $value`],
  [1, `${TIE} SET r = {}`],
  [3, `${TIE} DELETE r`],
  [3, `${NODE} DETACH DELETE n`],
  [2, 'MERGE (n:Merged {id: $k % 3}) ON CREATE SET n.made = $value ON MATCH SET n[$name] = $value'],
  [2, `${NODE} CREATE (c:Copy) SET c = properties(n)`],
  [1, `${TIE} MATCH (a)-[r]->(b) CREATE (a)-[c:COPY]->(b) SET c = properties(r)`],
  [1, `${NODE} SET n.palinodeKey = $name`],
  [1, `${NODE} SET n.palinodeKey = 5`],
  [1, `${NODE} REMOVE n.palinodeKey`],
  [1, `${TIE} SET r.palinodeKey = 'stolen' SET r.w = 1`],
  [2, 'CREATE (n:Passing {p: 1}) WITH n DELETE n'],
  [2, `${NODE} SET n.p = 7 SET n.p = 8 SET n.q = n.p REMOVE n.p`],
  [1, `${NODE} WITH n, n.p AS was SET n.p = 'other' SET n.p = was`],
  [1, 'MATCH (n) SET n.all = $value'],
  [1, 'MATCH (n:Many) SET n = {}'],
];
/** Does away with everything, our own nodes too. */
export const WIPE_ALL: BoltStatement = { text: 'MATCH (n) DETACH DELETE n', params: {} };
const KINDS_BY_WEIGHT = KINDS.flatMap(([weight, text]) => Array.from({ length: weight }, () => text));

export function randomStatement(pick: Pick): BoltStatement {
  const text = KINDS_BY_WEIGHT[pick(KINDS_BY_WEIGHT.length)] ?? '';
  const value = () => VALUES[pick(VALUES.length)];
  const name = () => NAMES[pick(NAMES.length)] ?? 'p';
  const labels = LABELS.filter(() => pick(3) === 0);
  const map = Object.fromEntries(Array.from({ length: pick(4) }, () => [name(), value()]));
  return {
    text,
    params: { k: BigInt(pick(1000)), name: name(), value: value(), labels, map, type: TYPES[pick(TYPES.length)] },
  };
}

/**
 * Runs transactions of a few random statements one after another, as one session of a user's. What the graph refuses is given up.
 * @returns how many were committed
 */
export async function writeAtRandom(driver: Driver, pick: Pick, times: number, actor = 'ada'): Promise<number> {
  const session = driver.session();
  let committed = 0;
  try {
    for (let i = 0; i < times; i += 1) {
      const tx = session.beginTransaction({ metadata: { palinode: { session: `s${pick(3)}`, actor } } });
      try {
        for (let n = 0; n <= pick(4); n += 1) {
          const { text, params } = randomStatement(pick);
          await tx.run(text, params);
        }
        if (pick(10) === 0) await tx.rollback();
        else {
          await tx.commit();
          committed += 1;
        }
      } catch (error) {
        await tx.rollback().catch(() => {});
        if (!isExpected(error)) throw error;
      }
    }
  } finally {
    await session.close();
  }
  return committed;
}

/** By actor, how many sessions write at the same time, and how many transactions each makes. */
export type Cast = Readonly<Record<string, { readonly sessions: number; readonly transactions: number }>>;

/** All sessions of a cast, each at random. */
export async function writeTogether(driver: Driver, seed: number, cast: Cast): Promise<void> {
  const pick = picker(seed);
  const writers = Object.entries(cast).flatMap(([actor, { sessions, transactions }]) =>
    Array.from({ length: sessions }, () => writeAtRandom(driver, picker(pick(1e9)), transactions, actor)),
  );
  await Promise.all(writers);
}

/** What writers that meet do to each other, with or without capture. */
function isExpected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return (
    code.startsWith('Neo.TransientError.') ||
    code.includes('EntityNotFound') ||
    code.includes('ConstraintValidation') ||
    /deleted in this transaction|not found/i.test(error.message)
  );
}
