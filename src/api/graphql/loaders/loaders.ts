import type { ApiDependencies } from '../context.ts';
import { captureLoaders } from './capture.ts';
import { entityLoaders } from './entities.ts';
import { historyLoaders } from './history.ts';
import { pageLoaders } from './pages.ts';
import { recordLoaders } from './records.ts';

/** Everything that is read by key, batched and remembered for one request. */
export type Loaders = ReturnType<typeof createLoaders>;

export function createLoaders(dependencies: ApiDependencies) {
  return {
    ...recordLoaders(dependencies),
    ...pageLoaders(dependencies),
    ...historyLoaders(dependencies),
    ...entityLoaders(dependencies),
    ...captureLoaders(dependencies),
  };
}
