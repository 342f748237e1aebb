import type { CaptureFinding } from '../../ports/knowledge-graph.ts';
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
    return (await Promise.all([this.#restored(), this.#miscounted()])).flat();
  }

  /** To be called by the instance that records, after it has recorded: the graph is stamped anew when it has moved on. */
  async stamp(seq: bigint, always = false): Promise<void> {
    if (this.#stampedSeq === seq && !always) return;
    await this.#stamp.renew();
    this.#stampedSeq = seq;
  }

  async #restored(): Promise<readonly CaptureFinding[]> {
    const { graph, graphId, attachments } = this.#deps;
    if (graph.stamp === null || graph.capture() !== 'CONTINUOUS') return [];
    const at = (await attachments?.get(graphId)) ?? null;
    // During a baseline it is the baseline that looks, and begins again.
    if (at?.phase !== 'DONE' || !(await this.#stamp.isOlder(at))) return [];
    const message = 'the graph is in an earlier state than it was: a dump was restored, or our marker was deleted';
    return [{ kind: STORE_RESTORED, message, key: null, gap: true }];
  }

  /** Compared only while nothing waits and nothing is recorded in between, and believed when it stays. */
  async #miscounted(): Promise<readonly CaptureFinding[]> {
    const { graph, graphId, history } = this.#deps;
    if (!graph.countsAtOnce || graph.capture() !== 'CONTINUOUS') return [];
    const before = await history.graph(graphId);
    if (before?.captureMode !== 'CONTINUOUS' || (await graph.pending()).transactions > 0n) return [];
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
