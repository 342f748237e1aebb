import type { CaptureFinding } from '../../ports/knowledge-graph.ts';
import { STORE_REPLACED } from '../interruption.ts';
import type { RecorderDeps } from './recorder-types.ts';
import { STORE_RESTORED, StoreStamp } from './store-stamp.ts';

/** Looks in a row that must agree before a difference in the counts is believed. */
const BELIEVED_AFTER = 2;

/**
 * Whether the graph is the one that was recorded: in no earlier state, which a restored dump would be, and with as many entities as history
 * has. Both cost the same at any size.
 */
export class Continuity {
  readonly #deps: RecorderDeps;
  readonly #stamp: StoreStamp;
  #stampedSeq: bigint | null = null;
  #difference: { readonly text: string; times: number } | null = null;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
    this.#stamp = new StoreStamp(deps);
  }

  async findings(): Promise<readonly CaptureFinding[]> {
    return (await Promise.all([this.#elsewhere(), this.#miscounted()])).flat();
  }

  /** To be called by the instance that records, after it has recorded: the graph is stamped anew when it has moved on. */
  async stamp(seq: bigint, always = false): Promise<void> {
    if (this.#stampedSeq === seq && !always) return;
    await this.#stamp.renew();
    this.#stampedSeq = seq;
  }

  /** Notes that it is another store from now on, which has been shown. */
  async acceptStore(): Promise<void> {
    const { graph, graphId, attachments } = this.#deps;
    const store = await graph.storeId?.();
    if (store !== undefined) await attachments?.noteStore(graphId, store);
  }

  async #elsewhere(): Promise<readonly CaptureFinding[]> {
    const { graph, graphId, attachments } = this.#deps;
    if (graph.capture() !== 'CONTINUOUS') return [];
    const at = (await attachments?.get(graphId)) ?? null;
    // During a baseline it is the baseline that looks, and begins again.
    if (at?.phase !== 'DONE') return [];
    const [store, isOlder] = await Promise.all([graph.storeId?.(), this.#stamp.isOlder(at)]);
    const findings: CaptureFinding[] = [];
    if (isOlder) {
      const message = 'the graph is in an earlier state than it was: a dump was restored, or our marker was deleted';
      findings.push({ kind: STORE_RESTORED, message, key: null, gap: true });
    }
    if (store !== undefined && store !== at.storeId && (await this.#isUnknown(store))) {
      const message = 'another store is behind the graph than the one that was attached';
      findings.push({ kind: STORE_REPLACED, message, key: null, gap: true });
    }
    return findings;
  }

  /** Another instance may have accepted the store since this one began to look, or attached the graph anew. */
  async #isUnknown(store: string): Promise<boolean> {
    const { graphId, attachments } = this.#deps;
    const now = (await attachments?.get(graphId)) ?? null;
    return now?.phase === 'DONE' && now.storeId !== store;
  }

  /** Compared only while nothing waits and nothing is recorded in between, and believed when it stays. */
  async #miscounted(): Promise<readonly CaptureFinding[]> {
    const { graph, graphId, history } = this.#deps;
    if (!graph.countsAtOnce || graph.capture() !== 'CONTINUOUS') return [];
    const before = await history.graph(graphId);
    // Of a gap that is shown, counts that differ are a part: to find them anew would keep a comparison from lifting it.
    if (before?.captureMode !== 'CONTINUOUS' || before.captureError !== null) {
      this.#difference = null;
      return [];
    }
    if ((await graph.pending()).transactions > 0n) return [];
    const { nodes, relationships } = await graph.count();
    if ((await graph.pending()).transactions > 0n) return [];
    const after = await history.graph(graphId);
    if (after?.head.seq !== before.head.seq) return [];
    if (nodes === after.nodeCount && relationships === after.relationshipCount) {
      this.#difference = null;
      return [];
    }
    const text = `the graph holds ${nodes} nodes and ${relationships} relationships, ${after.nodeCount} and ${after.relationshipCount} are recorded`;
    const times = this.#difference?.text === text ? this.#difference.times + 1 : 1;
    this.#difference = { text, times };
    return times < BELIEVED_AFTER
      ? []
      : [{ kind: 'COUNTS_DIFFER', message: `${text}: writes were missed`, key: null, gap: true }];
  }
}
