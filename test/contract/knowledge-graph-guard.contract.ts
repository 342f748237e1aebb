import { expect, test } from '@jest/globals';
import { entityId } from '../../src/core/entities.ts';
import { stateHashHex } from '../../src/core/hash.ts';
import type { Value } from '../../src/core/values.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { byApi, changeTo, nodeOf, nodeRef, put, relationshipOf, relationshipRef } from '../support/captured.ts';
import type { GraphHarness } from './knowledge-graph.contract.ts';

const point = (srid: number, ...coordinates: (number | string)[]): Value => ({ $point: { srid, coordinates } });

/** Values that are easily taken for one another. */
const LOOKALIKES: readonly Value[] = [
  0,
  1,
  { $float: '0.0' },
  { $float: '-0.0' },
  { $float: '1.0' },
  '1',
  '1.0',
  true,
  'true',
  '',
  'NaN',
  { $float: 'NaN' },
  { $float: 'Infinity' },
  { $float: '-Infinity' },
  9007199254740991,
  { $integer: '9007199254740993' },
  { $float: '9007199254740992.0' },
  { $bytes: '' },
  { $bytes: 'AQ==' },
  { $bytes: 'AQI=' },
  { $list: { of: null, values: [] } },
  { $list: { of: 'INTEGER', values: [1] } },
  { $list: { of: 'INTEGER', values: [1, 2] } },
  { $list: { of: 'FLOAT', values: [1] } },
  { $list: { of: 'FLOAT', values: [0] } },
  { $list: { of: 'FLOAT', values: ['-0.0'] } },
  { $list: { of: 'FLOAT', values: ['NaN'] } },
  { $list: { of: 'STRING', values: ['1'] } },
  { $list: { of: 'BOOLEAN', values: [true] } },
  { $duration: 'P1M' },
  { $duration: 'P30D' },
  { $duration: 'P1D' },
  { $duration: 'PT86400S' },
  { $list: { of: 'DURATION', values: ['P1D'] } },
  { $date: '2024-01-01' },
  { $localDateTime: '2024-01-01T00:00:00' },
  { $dateTime: '2024-01-01T00:00:00Z' },
  { $dateTime: '2024-01-01T00:00:00Z[UTC]' },
  { $dateTime: '2024-01-01T01:00:00+01:00' },
  { $dateTime: '2024-01-01T01:00:00+01:00[Europe/Berlin]' },
  { $dateTime: '2024-01-01T01:00:00+01:00[Europe/Paris]' },
  { $dateTime: '2024-01-01T01:00:00.000000001+01:00[Europe/Paris]' },
  { $localTime: '01:00:00' },
  { $time: '01:00:00+01:00' },
  { $time: '00:00:00Z' },
  point(7203, 0, 0),
  point(7203, 0, '-0.0'),
  point(4326, 0, 0),
  point(9157, 0, 0, 0),
  { $list: { of: 'POINT', values: [{ srid: 7203, coordinates: [0, 0] }] } },
  { $list: { of: 'POINT', values: [{ srid: 7203, coordinates: [0, '-0.0'] }] } },
];

/** What comparing before writing rests on: no two values are ever taken for the same, in reading or in writing. */
export function guardContract(current: () => { graph: KnowledgeGraph; harness: GraphHarness }): void {
  test('no value is taken for another that looks like it, on nodes and on relationships', async () => {
    const { graph } = current();
    const nodes = LOOKALIKES.map((v, i) => nodeOf(`n${i}`, { v }));
    const relationships = LOOKALIKES.map((v, i) => relationshipOf(`r${i}`, 'n0', `n${i}`, { v }));
    await put(graph, [...nodes, ...relationships]);
    const hashes = await graph.transaction(byApi(), async (tx) => {
      const locked = await tx.lock([...nodes, ...relationships]);
      return [...nodes, ...relationships].map((state) => {
        const live = locked.get(entityId(state));
        return live === undefined ? 'gone' : stateHashHex(live);
      });
    });
    expect(hashes).toEqual([...nodes, ...relationships].map(stateHashHex));
  });

  test('every value can follow every other', async () => {
    const { graph } = current();
    const pairs = LOOKALIKES.flatMap((a, i) => LOOKALIKES.map((b, j) => ({ key: `${i}-${j}`, a, b })));
    await put(
      graph,
      pairs.map(({ key, a }) => nodeOf(key, { v: a })),
    );
    const after = pairs.map(({ key, b }) => nodeOf(key, { v: b }));
    await put(graph, after);
    const live = await graph.read(after);
    expect(
      after.filter((state) => stateHashHex(live.get(entityId(state)) ?? nodeOf('gone')) !== stateHashHex(state)),
    ).toEqual([]);
  });

  test('what is locked is the newest, and stays until the transaction ends', async () => {
    const { graph, harness } = current();
    const other = harness.reopen(graph);
    await put(graph, [nodeOf('a', { v: 1 }), nodeOf('b'), relationshipOf('r', 'a', 'b', { v: 1 })]);
    let isFree = (): void => {};
    const free = new Promise<void>((resolve) => {
      isFree = resolve;
    });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = graph.transaction(byApi(), async (tx) => {
      const live = await tx.lock([nodeRef('a'), relationshipRef('r')]);
      release();
      await free;
      await tx.write(
        [...live.values()].map((state) => changeTo(state, { ...state, properties: { v: { $float: '1.0' } } })),
      );
    });
    await held;
    const second = other.transaction(byApi(), (tx) => tx.lock([relationshipRef('r'), nodeRef('a')]));
    isFree();
    await first;
    expect([...(await second).values()].map(({ properties }) => properties)).toEqual([
      { v: { $float: '1.0' } },
      { v: { $float: '1.0' } },
    ]);
    await other.close();
  });

  test('what another deleted while its lock was waited for is not there', async () => {
    const { graph, harness } = current();
    const other = harness.reopen(graph);
    await put(graph, [nodeOf('a'), nodeOf('b'), relationshipOf('r', 'a', 'b')]);
    let deleted = (): void => {};
    const deletedNow = new Promise<void>((resolve) => {
      deleted = resolve;
    });
    let go = (): void => {};
    const goOn = new Promise<void>((resolve) => {
      go = resolve;
    });
    const first = graph.transaction(byApi(), async (tx) => {
      const live = await tx.lock([nodeRef('a'), relationshipRef('r')]);
      await tx.write([...live.values()].map((state) => changeTo(state, null)));
      deleted();
      await goOn;
    });
    await deletedNow;
    const second = other.transaction(byApi(), (tx) => tx.lock([nodeRef('a'), nodeRef('b'), relationshipRef('r')]));
    go();
    await first;
    expect([...(await second).keys()]).toEqual(['n:b']);
    await other.close();
  });
}
