import { expect, test } from '@jest/globals';
import { ConstraintError } from '../../src/core/errors.ts';
import type { SchemaChange, SchemaItem } from '../../src/core/schema-changes.ts';
import type { OperationRun } from '../../src/services/rollback/operation-run.ts';
import { createSchema } from '../../src/services/rollback/schema-restore.ts';

const item = (name: string, definition = name): SchemaItem => ({ name, kind: 'RANGE INDEX', definition });

/** A run that restores the schema `target` where `live` is; `changed` has what the graph was told, and `logs` what was noted. */
function runOf(schemaChanges: readonly SchemaChange[], live: readonly SchemaItem[], target: readonly SchemaItem[]) {
  const changed: { drop: readonly SchemaItem[]; create: readonly SchemaItem[] }[] = [];
  const logs: unknown[] = [];
  const run = {
    operation: { includeSchema: true, targetPointId: 'p', schemaChanges },
    deps: { points: { readSchema: async () => target } },
    served: {
      graph: {
        readSchema: async () => live,
        changeSchema: async (drop: readonly SchemaItem[], create: readonly SchemaItem[]) => {
          changed.push({ drop, create });
          if (create.some(({ definition }) => definition === 'failed')) throw new ConstraintError('failed', 'failed');
        },
      },
    },
    checkpoint() {},
    advance: async (step: unknown) => logs.push(step),
  };
  // Only these parts of a run have to do with the schema.
  return { run: run as unknown as OperationRun, changed, logs };
}

test('indexes that are there already are awaited, since whoever made them may have died before they were filled', async () => {
  const [made, same] = [item('made'), item('same')];
  const { run, changed, logs } = runOf([{ before: null, after: made }], [made, same], [made, same]);
  await createSchema(run);
  expect(changed).toEqual([{ drop: [], create: [made] }]);
  expect(logs).toEqual([]);
});

test('one that is there and could not be filled is not restored', async () => {
  const made = item('made', 'failed');
  const { run } = runOf([{ before: null, after: made }], [made], [made]);
  await expect(createSchema(run)).rejects.toMatchObject({ name: 'OperationStop', why: 'INTERRUPTED' });
});

test('what others have changed meanwhile is theirs, and named', async () => {
  const [made, theirs] = [item('made'), item('made', 'otherwise')];
  const { run, changed } = runOf([{ before: null, after: made }], [theirs], [made]);
  await expect(createSchema(run)).rejects.toMatchObject({ message: expect.stringContaining('made') });
  expect(changed).toEqual([]);
});
