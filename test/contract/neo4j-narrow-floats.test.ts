import { isDeepStrictEqual } from 'node:util';
import { expect, jest, test } from '@jest/globals';
import type { EntityState } from '../../src/core/entities.ts';
import type { Value } from '../../src/core/values.ts';
import type { Neo4jRecording } from '../support/neo4j-recording.ts';
import { neo4jRecordings } from '../support/neo4j-recordings.ts';

jest.setTimeout(300_000);

// Procedures store vectors as floats of 32 bits, and Cypher copies elements of them as they are. Whoever reads the graph gets each as the
// float of 64 bits that is the same number.

const recordings = neo4jRecordings();
let recording: Neo4jRecording;

const run = (text: string, params?: Record<string, unknown>) => recording.write(text, params);
const floats = (...values: (number | string)[]): Value => ({ $list: { of: 'FLOAT', values } });
const TENTH = Math.fround(0.1);
const FIFTH = Math.fround(0.2);

/** What is recorded is what the graph holds, and what the trigger said of old values was what had been recorded. */
async function properties(): Promise<readonly EntityState['properties'][]> {
  await recording.recorder.fence();
  const recorded = await recording.recorded();
  expect(recorded).toEqual(await recording.live());
  expect(await recording.record()).toMatchObject({ captureError: null, reconciled: 0n });
  return [...recorded.values()].map((state) => state.properties);
}

test('a vector is recorded as it is read: when it is set, changed, taken away and deleted with its node', async () => {
  recording = await recordings.open();
  await run(
    `CREATE (n:V)-[r:T]->(:W) WITH n, r CALL db.create.setNodeVectorProperty(n, 'e', [0.1, 0.2, -0.0, 1, 3.4e38, 1e-45])
     CALL db.create.setRelationshipVectorProperty(r, 'e', [0.1])`,
  );
  const first = floats(TENTH, FIFTH, '-0.0', 1, Math.fround(3.4e38), Math.fround(1e-45));
  expect(await properties()).toEqual(expect.arrayContaining([{ e: first }, { e: floats(TENTH) }, {}]));

  await run("MATCH (n:V) CALL db.create.setNodeVectorProperty(n, 'e', [0.2, 0.1])");
  expect(await properties()).toContainEqual({ e: floats(FIFTH, TENTH) });
  await run('MATCH (n:V) SET n.copy = [x IN n.e | x], n.text = "a"');
  await run("MATCH (n:V)-[r]->() SET n.e = 'none', r.e = null");
  expect(await properties()).toContainEqual({ copy: floats(FIFTH, TENTH), text: 'a', e: 'none' });
  await run('MATCH (n:V) DETACH DELETE n');
  expect(await properties()).toEqual([{}]);
});

test('a single float of 32 bits, too, whether it is set alone, beside others or for many nodes', async () => {
  recording = await recordings.open();
  await run("CREATE (n:V) WITH n CALL db.create.setNodeVectorProperty(n, 'e', [0.1, 0.2, -0.0])");
  await run('MATCH (v:V) UNWIND [0, 1, 2, null] AS i CREATE (:S {i: i, s: v.e[i]})');
  const expected = [{ i: 0, s: TENTH }, { i: 1, s: FIFTH }, { i: 2, s: { $float: '-0.0' } }, {}];
  expect(await properties()).toEqual(expect.arrayContaining(expected));
  // Nothing but a plain value of one node; and once more, so that it is an old value.
  for (const i of [0n, 1n, 0n]) await run('MATCH (v:V) SET v.s = v.e[$i]', { i });
  expect(await properties()).toContainEqual({ e: floats(TENTH, FIFTH, '-0.0'), s: TENTH });
  // A column of several types.
  await run("MATCH (s:S), (v:V) SET s.m = CASE s.i WHEN 0 THEN 'text' WHEN 1 THEN v.e[0] WHEN 2 THEN v.e END");
  expect(await properties()).toContainEqual({ i: 1, s: FIFTH, m: TENTH });
  await run('MATCH (n) DELETE n');
  expect(await properties()).toEqual([]);
});

test('vectors of a usual length, of many nodes in several parts', async () => {
  recording = await recordings.open({ capture: { rowsPerPart: 10, charactersPerPart: 100_000 } });
  const vector = Array.from({ length: 1536 }, (_, at) => Math.sin(at + 1));
  const create = 'UNWIND range(1, 12) AS i CREATE (n:V {i: i}) WITH n';
  await run(`${create} CALL db.create.setNodeVectorProperty(n, 'e', $vector)`, { vector });
  const narrow = floats(...vector.map(Math.fround));
  expect((await properties()).every(({ e }) => isDeepStrictEqual(e, narrow))).toBe(true);
  await run("MATCH (n:V) CALL db.create.setNodeVectorProperty(n, 'e', reverse($vector))", { vector });
  expect(await properties()).toHaveLength(12);
  await run('MATCH (n:V) DELETE n');
  expect(await properties()).toEqual([]);
});
