import type { ApiDependencies } from '../dependencies.ts';

export interface CaptureLag {
  readonly pending: bigint;
  readonly lagMs: number | null;
}

/** What waits to be recorded, asked once a graph and request. */
export function captureLoaders({ services }: ApiDependencies) {
  const lags = new Map<number, Promise<CaptureLag>>();
  return {
    captureLag: (graphId: number): Promise<CaptureLag> => {
      const known = lags.get(graphId) ?? services.graphs.captureLag(graphId);
      lags.set(graphId, known);
      return known;
    },
  };
}
