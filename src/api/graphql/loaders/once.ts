import type { ApiContext } from '../context.ts';
import { argumentsId } from './batching.ts';
import type { Loaders } from './loaders.ts';

/** A field of a graph that is answered once a request for the same arguments, however many records lead to the graph. */
export function oncePerGraph<Args, Answer>(
  resolve: (graphId: number, args: Args, context: ApiContext) => Promise<Answer>,
): (graph: { readonly id: number }, args: Args, context: ApiContext) => Promise<Answer> {
  // What a request has read is renewed with its loaders.
  const answers = new WeakMap<Loaders, Map<string, Promise<Answer>>>();
  return ({ id }, args, context) => {
    const known = answers.get(context.loaders) ?? new Map<string, Promise<Answer>>();
    answers.set(context.loaders, known);
    const key = argumentsId([id, args]);
    const answer = known.get(key) ?? resolve(id, args, context);
    known.set(key, answer);
    return answer;
  };
}
