import { NotFoundError } from '../../../core/errors.ts';
import type { GraphRecord } from '../../../ports/history.ts';
import type { ApiContext } from '../context.ts';

/** The graph that a record belongs to. Graphs are never deleted while records refer to them. */
export async function graphOf(
  { graphId }: { readonly graphId: number },
  _args: unknown,
  { loaders }: ApiContext,
): Promise<GraphRecord> {
  const graph = await loaders.graph.load(graphId);
  if (graph === null) throw new NotFoundError('the graph does not exist');
  return graph;
}
