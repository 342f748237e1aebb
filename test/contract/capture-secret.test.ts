import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresAttachmentStore } from '../../src/adapters/postgres/attachment-store.ts';
import { PostgresCaptureSecret } from '../../src/adapters/postgres/capture-secret.ts';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { auditFact } from '../../src/services/audit-facts.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';

describe.each(engines)('the secret of a graph’s capture on %s', (_, open) => {
  let engine: OpenedEngine;
  let graphs = 0;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  async function fresh(): Promise<{ graphId: number; secret: PostgresCaptureSecret }> {
    graphs += 1;
    const { id: graphId } = await new PostgresHistory(engine.database).openGraph(`g${graphs}`, 'NEO4J');
    return { graphId, secret: new PostgresCaptureSecret(engine.database, graphId) };
  }

  test('is there once somebody asked for it, and is another one for each graph', async () => {
    const [{ secret }, { secret: other }] = [await fresh(), await fresh()];
    expect(await secret.get()).toBeNull();
    const claimed = await secret.claim();
    expect(claimed).toMatch(/^[\w-]{43}$/);
    expect([await secret.get(), await secret.claim()]).toEqual([claimed, claimed]);
    expect(await other.claim()).not.toBe(claimed);
  });

  test('is one for all instances that start at the same time', async () => {
    const { graphId } = await fresh();
    const claimed = await Promise.all(
      Array.from({ length: 8 }, () => new PostgresCaptureSecret(engine.database, graphId).claim()),
    );
    expect(new Set(claimed).size).toBe(1);
  });

  test('goes when the graph is detached, and the next one is new', async () => {
    const { graphId, secret } = await fresh();
    const attachments = new PostgresAttachmentStore(engine.database);
    const before = await secret.claim();
    // Nobody's to forget while the graph is being attached.
    await attachments.end(graphId, auditFact(null, 'GRAPH_DETACHED', {}));
    expect(await secret.get()).toBe(before);
    await attachments.begin(graphId, { storeId: 'store', total: 0n }, auditFact(null, 'GRAPH_ATTACHED', {}));
    await attachments.end(graphId, auditFact(null, 'GRAPH_DETACHED', {}));
    expect(await secret.get()).toBeNull();
    expect(await secret.claim()).not.toBe(before);
  });
});
