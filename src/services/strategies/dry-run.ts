import type { RollbackStrategy } from './strategy.ts';

/** The plan without its writes, which can be decided about, rehearsed, and executed as it is listed. */
export const dryRun: RollbackStrategy = {
  name: 'DRY_RUN',
  isAskedFor: (request) => request.dryRun,
  check() {},
};
