import type { AttachmentRecord } from '../../ports/attachment-store.ts';
import type { RecorderDeps } from './recorder-types.ts';

export const STORE_RESTORED = 'STORE_RESTORED';

/**
 * A text in the graph that history knows too, renewed as recording goes on: in a graph that was put back to an earlier state, by a restored
 * dump, it is an older one, or none. Graphs without a place for it are never taken to be put back.
 */
export class StoreStamp {
  readonly #deps: RecorderDeps;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  async renew(): Promise<void> {
    const { graph, graphId, attachments, keys } = this.#deps;
    if (graph.stamp === null || attachments === undefined) return;
    const text = keys.next();
    // Noted before and after: whichever of the two the graph holds after a crash is right.
    await attachments.noteStamp(graphId, { next: text });
    await graph.stamp.write(text);
    await attachments.noteStamp(graphId, { written: text });
  }

  /**
   * Whether the graph is in an earlier state than it was. False where nothing was stamped yet.
   *
   * @param at the attachment, as it was a moment ago
   */
  async isOlder(at: AttachmentRecord | null): Promise<boolean> {
    const { graph, graphId, attachments } = this.#deps;
    if (graph.stamp === null || at === null || at.stamp === null) return false;
    const found = await graph.stamp.read();
    // Another instance may have stamped it between the two reads.
    const now = (await attachments?.get(graphId)) ?? at;
    return ![at.stamp, at.nextStamp, now.stamp, now.nextStamp].includes(found);
  }
}
