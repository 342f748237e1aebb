import type { Caller } from '../../services/contract.ts';
import type { ApiDependencies } from './dependencies.ts';
import { createLoaders, type Loaders } from './loaders/loaders.ts';

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
