import type { PrismaClient } from '../../generated/prisma/client.ts';
import type { History } from '../../ports/history.ts';
import type { RecordReader } from '../../ports/records.ts';
import type { Caller, Services } from '../../services/contract.ts';
import { createLoaders, type Loaders } from './loaders/loaders.ts';

/** The parts of history that the schema shows as they are recorded. Everything else goes through the services. */
export type RecordedHistory = Pick<
  History,
  'captureProblems' | 'contributions' | 'graphsById' | 'names' | 'sessionSummaries' | 'timeline' | 'transactionsBySeq'
>;

/** What the API stands on; one per process. */
export interface ApiDependencies {
  readonly services: Services;
  readonly history: RecordedHistory;
  readonly records: RecordReader;
  readonly prisma: PrismaClient;
}

/** How long readers of subscriptions are waited for. */
export interface StreamLimits {
  /** A reader that takes nothing for this long is cut off. */
  readonly stallMs: number;
  /** Aborted when the service is stopping: subscriptions end and say where to resume. */
  readonly draining: AbortSignal;
}

/** What a transport knows about who asks. */
export interface RequestOrigin {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** One request, or one subscription: loaders remember what it has read, and are renewed when that may have changed. */
export interface ApiContext extends ApiDependencies {
  loaders: Loaders;
  readonly origin: RequestOrigin;
  readonly limits: StreamLimits;
  /** Who asks. Without authentication it is whoever the input names. */
  caller(actor?: string | null): Caller;
}

const NOBODY = 'anonymous';

export function createContext(dependencies: ApiDependencies, origin: RequestOrigin, limits: StreamLimits): ApiContext {
  return {
    ...dependencies,
    origin,
    limits,
    loaders: createLoaders(dependencies),
    caller: (actor) => ({ actor: actor ?? NOBODY, ...origin }),
  };
}

/** Forgets what was read: after a mutation, and before each event of a subscription. */
export function renewLoaders(context: ApiContext): void {
  context.loaders = createLoaders(context);
}
