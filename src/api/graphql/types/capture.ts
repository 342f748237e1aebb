import type { CaptureProblem, GraphRecord } from '../../../ports/history.ts';
import { builder } from '../builder.ts';
import { type Connection, type PageArguments, pageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { bigintCodec, Cursors } from '../cursors.ts';
import { oncePerGraph } from '../loaders/once.ts';
import { CaptureProblemConnection, CaptureProblemRef } from './connections.ts';
import { CaptureModeEnum } from './enums.ts';

CaptureProblemRef.implement({
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime' }),
    kind: t.exposeString('kind'),
    message: t.exposeString('message'),
    key: t.exposeID('key', { nullable: true }),
  }),
});

/** Capture is a part of the graph's record, with what waits to be recorded asked of the graph itself. */
export const CaptureRef = builder.objectRef<GraphRecord>('Capture').implement({
  fields: (t) => ({
    mode: t.expose('captureMode', { type: CaptureModeEnum }),
    progress: t.exposeInt('captureProgress', { description: 'Of the baseline, 0 to 100.' }),
    pending: t.field({
      type: 'BigInt',
      resolve: async ({ id }, _, { loaders }) => (await loaders.captureLag(id)).pending,
    }),
    lagMs: t.int({
      nullable: true,
      resolve: async ({ id }, _, { loaders }) => lag((await loaders.captureLag(id)).lagMs),
    }),
    reconciled: t.expose('reconciled', { type: 'BigInt' }),
    epoch: t.exposeInt('epoch'),
    problems: t.field({
      type: CaptureProblemConnection,
      args: pageArguments(t.arg),
      resolve: oncePerGraph(problems),
    }),
    error: t.string({
      nullable: true,
      description: 'Why what is recorded may not be all, or why this instance cannot record.',
      resolve: ({ id, captureError }, _, { services }) => captureError ?? services.graphs.trouble(id),
    }),
  }),
});

const MAX_INT = 2 ** 31 - 1;

function lag(ms: number | null): number | null {
  return ms === null ? null : Math.min(Math.round(ms), MAX_INT);
}

async function problems(id: number, args: PageArguments, context: ApiContext): Promise<Connection<CaptureProblem>> {
  const cursors = new Cursors('Capture.problems', String(id), null, bigintCodec);
  const { page } = readPage(args, cursors);
  const read = await context.history.captureProblems(id, page);
  return toConnection(read, page, cursors, { node: (problem) => problem, position: (problem) => problem.id });
}
