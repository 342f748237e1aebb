import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';

/** Breaks in before each transaction of a graph, with its number from 1 on. */
export function intruding(intrude: (transaction: number) => Promise<unknown>): {
  readonly wrap: (graph: KnowledgeGraph) => KnowledgeGraph;
} {
  let transactions = 0;
  const wrap = (graph: KnowledgeGraph): KnowledgeGraph => {
    const transaction: KnowledgeGraph['transaction'] = async (context, work) => {
      transactions += 1;
      await intrude(transactions);
      return graph.transaction(context, work);
    };
    return new Proxy(graph, {
      get(target, name) {
        if (name === 'transaction') return transaction;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  return { wrap };
}
