import type { RollbackPoint } from '../../../generated/prisma/client.ts';
import type { GraphRecord } from '../../../ports/history.ts';
import type { ApiContext } from '../context.ts';

/** The point as it is, then after each change. Ends with the feed, when the point is at rest. */
export async function* pointStates(
  { prisma, services }: ApiContext,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<RollbackPoint> {
  const read = () => prisma.rollbackPoint.findUnique({ where: { id } });
  yield* afterEach(services.feeds.pointChanges(id, signal), read, ({ status, progress, updatedAt }) =>
    JSON.stringify([status, progress, updatedAt]),
  );
}

/** The graph's capture as it is, then after each change. */
export async function* captureStates(
  { history, services }: ApiContext,
  graphId: number,
  signal: AbortSignal,
): AsyncGenerator<GraphRecord> {
  const read = async () => (await history.graphsById([graphId])).get(graphId) ?? null;
  yield* afterEach(services.feeds.captureChanges(graphId, signal), read, (graph) =>
    JSON.stringify([
      graph.captureMode,
      graph.captureProgress,
      // As Capture.error shows it: trouble is this instance's own, so it is not part of the record.
      graph.captureError ?? services.graphs.trouble(graphId),
      graph.epoch,
      graph.head.seq.toString(),
    ]),
  );
}

/** Waking up says only that something may have changed, so equal states are sent once. */
async function* afterEach<State>(
  wakes: AsyncIterable<void>,
  read: () => Promise<State | null>,
  idOf: (state: State) => string,
): AsyncGenerator<State> {
  let last: string | undefined;
  const changed = async (): Promise<State | null> => {
    const state = await read();
    if (state === null || idOf(state) === last) return null;
    last = idOf(state);
    return state;
  };
  const first = await changed();
  if (first !== null) yield first;
  for await (const _ of wakes) {
    const state = await changed();
    if (state !== null) yield state;
  }
  const final = await changed();
  if (final !== null) yield final;
}
