import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { overriding } from './recording-world.ts';

type Work = ((transaction: number) => Promise<unknown>) | undefined;

/**
 * Breaks in between the graph transactions of rollbacks. They are numbered from the last `reset` on: the first takes the marker, the second
 * writes batch 1.
 */
export class Interruptions {
  /** Done before each of them. */
  before: Work;
  /** Done after each of them, when it has been committed. */
  after: Work;
  #transactions = 0;

  reset(): void {
    this.before = undefined;
    this.after = undefined;
    this.recount();
  }

  /** Counts from 1 again. */
  recount(): void {
    this.#transactions = 0;
  }

  readonly wrap = (graph: KnowledgeGraph): KnowledgeGraph =>
    overriding(graph, {
      transaction: async (context, work) => {
        this.#transactions += 1;
        const number = this.#transactions;
        await this.before?.(number);
        const result = await graph.transaction(context, work);
        await this.after?.(number);
        return result;
      },
    });
}
