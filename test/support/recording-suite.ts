import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import type { OpenedEngine } from './engines.ts';
import { RecordingWorld } from './recording-world.ts';

/** A world of its own for each test of a suite, all on one database. */
export function recordingWorlds(open: () => Promise<OpenedEngine>): () => RecordingWorld {
  let engine: OpenedEngine;
  let world: RecordingWorld;
  let worlds = 0;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());
  beforeEach(async () => {
    worlds += 1;
    world = await RecordingWorld.open(engine.database, `w${worlds}`);
  });
  afterEach(() => world.stop());
  return () => world;
}

/** History is the graph, has no gaps in its seqs and no transaction twice. */
export async function expectExact(world: RecordingWorld): Promise<void> {
  const { live, recorded } = await world.compared();
  expect(recorded).toEqual(live);
  const transactions = await world.transactions();
  expect(transactions.map(({ seq }) => seq)).toEqual(transactions.map((_, index) => BigInt(index + 1)));
  expect(await world.graph.pending()).toMatchObject({ transactions: 0n, changes: 0n });
}
