import { expect, test } from '@jest/globals';
import { type KnowledgeGraph, StaleTokenError } from '../../src/ports/knowledge-graph.ts';
import { byApi, changeTo, nodeOf, scanOf } from '../support/captured.ts';

/** What the markers of operations promise. */
export function markerContract(current: () => KnowledgeGraph, captured: boolean): void {
  const operation = '0b7f7f3e-64a6-4a0e-9b4f-3a7f1d6f2c11';

  test('is absent, then as it was set, then forgotten', async () => {
    const graph = current();
    await graph.transaction(byApi(), async (tx) => {
      expect(await tx.claimMarker(operation, 3n)).toBeNull();
      await tx.setMarker(operation, { token: 3n, batch: 1n });
    });
    await graph.transaction(byApi(), async (tx) => {
      expect(await tx.claimMarker(operation, 4n)).toEqual({ token: 3n, batch: 1n });
    });
    await graph.forgetMarker(operation);
    await graph.transaction(byApi(), async (tx) => expect(await tx.claimMarker(operation, 1n)).toBeNull());
  });

  test('refuses an older token and keeps nothing of its writes', async () => {
    const graph = current();
    await graph.transaction(byApi(), (tx) => tx.setMarker(operation, { token: 5n, batch: 2n }));
    const claim = graph.transaction(byApi(), (tx) => tx.claimMarker(operation, 4n));
    await expect(claim).rejects.toBeInstanceOf(StaleTokenError);
    const write = graph.transaction(byApi(), async (tx) => {
      await tx.write([changeTo(null, nodeOf('a'))]);
      await tx.setMarker(operation, { token: 4n, batch: 3n });
    });
    await expect(write).rejects.toBeInstanceOf(StaleTokenError);
    expect(await graph.count()).toEqual({ nodes: 0n, relationships: 0n });
  });

  test('goes when its transaction does, and is no part of the graph', async () => {
    const graph = current();
    const failing = graph.transaction(byApi(), async (tx) => {
      await tx.setMarker(operation, { token: 1n, batch: 1n });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await graph.transaction(byApi(), async (tx) => {
      expect(await tx.claimMarker(operation, 1n)).toBeNull();
      await tx.setMarker(operation, { token: 1n, batch: 1n });
    });
    if (captured) expect(await scanOf(graph)).toEqual([]);
    expect(await graph.count()).toEqual({ nodes: 0n, relationships: 0n });
  });
}
