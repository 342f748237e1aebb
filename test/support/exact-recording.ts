import { expect } from '@jest/globals';
import type { RecordingWorld } from './recording-world.ts';

/** History is the graph, has no gaps in its seqs and no transaction twice. */
export async function expectExact(world: RecordingWorld): Promise<void> {
  const { live, recorded } = await world.compared();
  expect(recorded).toEqual(live);
  const transactions = await world.transactions();
  expect(transactions.map(({ seq }) => seq)).toEqual(transactions.map((_, index) => BigInt(index + 1)));
  expect(await world.graph.pending()).toMatchObject({ transactions: 0n, changes: 0n });
}
