import type {
  Attachment,
  BaselinePage,
  CapturedTransaction,
  CaptureFinding,
  EndedCapture,
  Pending,
} from '../../ports/knowledge-graph.ts';
import { readBaseline } from './baseline.ts';
import type { Capture } from './capture.ts';
import { checkOwnKeys } from './entities/key-check.ts';
import { removeEverything, removeLeavings } from './leavings.ts';
import { DEFAULT_KEY_PROPERTY } from './names.ts';
import type { CaptureParts } from './neo4j-graph.ts';
import { readStoreId } from './store-id.ts';

const NOTHING: Pending = { transactions: 0n, changes: 0n, oldest: null, newest: null };

/** Of a graph in which nothing can be installed: writes are noticed when it is compared as a whole, and nobody knows who made them. */
export function scanCapture(parts: CaptureParts): Capture {
  return new ScanCapture(parts);
}

class ScanCapture implements Capture {
  readonly #parts: CaptureParts;

  constructor(parts: CaptureParts) {
    this.#parts = parts;
  }

  async attach(before: (found: Attachment) => Promise<void>): Promise<Attachment> {
    const { connection, name, keyProperty } = this.#parts;
    const storeId = await readStoreId(connection);
    await checkOwnKeys(connection, name, keyProperty);
    const found: Attachment = { mode: 'SCAN', storeId, isNew: false };
    await before(found);
    return found;
  }

  /** A trigger of before APOC went may have left an outbox. */
  async detach(options: { readonly removeKeys: boolean }): Promise<void> {
    await removeEverything(this.#parts, options);
  }

  /** Without APOC no trigger runs, and none can be dropped: it waits in the system database. */
  async removeLeft(ended: EndedCapture): Promise<boolean> {
    await removeLeavings(this.#parts, ended);
    return ended.secretHash === null;
  }

  async *baseline(after: string | null, pageSize: number): AsyncGenerator<BaselinePage> {
    const { connection, entities, keyProperty } = this.#parts;
    yield* readBaseline(connection, await entities(), keyProperty, after, pageSize, false);
  }

  async pending(): Promise<Pending> {
    return NOTHING;
  }

  async *feed(): AsyncGenerator<readonly CapturedTransaction[]> {}

  async acknowledge(): Promise<void> {}

  async inspect(): Promise<readonly CaptureFinding[]> {
    return [];
  }

  async settleIncidents(): Promise<void> {}

  async assertBelieved(): Promise<void> {}

  /** The service's own keys are bound as they are given. Those of the user's own may be on what no scan has seen. */
  async unseen(_on: unknown, _kind: unknown, keys: readonly string[]): Promise<readonly string[]> {
    return this.#parts.keyProperty === DEFAULT_KEY_PROPERTY ? [] : keys;
  }
}
