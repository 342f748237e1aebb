import type { OperationRun } from './operation-run.ts';

/** The operation, and those that it goes on from, each of which did a part of one plan. */
export async function lineage({ operation, deps }: OperationRun): Promise<string[]> {
  const ids = [operation.id];
  for (let id = operation.resumesId; id !== null; ) {
    ids.push(id);
    id = (await deps.operations.get(id))?.resumesId ?? null;
  }
  return ids;
}
