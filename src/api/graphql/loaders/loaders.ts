import type DataLoader from 'dataloader';
import type { ApiDependencies } from '../dependencies.ts';
import { captureLoaders } from './capture.ts';
import { diffLoaders } from './diffs.ts';
import { entityLoaders } from './entities.ts';
import { historyLoaders } from './history.ts';
import { pageLoaders } from './pages.ts';
import { recordLoaders } from './records.ts';
import { schemaLoaders } from './schemas.ts';

/** Everything that is read by key, batched and remembered for one request. */
export type Loaders = ReturnType<typeof createLoaders>;

export function createLoaders(dependencies: ApiDependencies) {
  const records = recordLoaders(dependencies);
  return {
    ...records,
    // What a page brought need not be read again by its id: a point's operations lead back to the point.
    ...pageLoaders(dependencies, (name, row) => {
      if (name === 'rollbackPoint') remember(records.point, row);
      else if (name === 'rollbackOperation') remember(records.operation, row);
      else if (name === 'session') remember(records.session, row);
      else if (name === 'conflict') remember(records.conflict, row);
      else if (name === 'resolutionRule') remember(records.resolutionRule, row);
    }),
    ...historyLoaders(dependencies),
    ...entityLoaders(dependencies),
    ...captureLoaders(dependencies),
    ...diffLoaders(dependencies),
    ...schemaLoaders(dependencies),
  };
}

function remember<Row extends object>(loader: DataLoader<string, Row | null>, row: object): void {
  // The page's record has the loader's type: the two are named together above.
  if ('id' in row && typeof row.id === 'string') loader.prime(row.id, row as Row);
}
