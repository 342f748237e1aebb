import { expect, test } from '@jest/globals';
import { undoesWithinConstraints } from '../support/constrained-undos.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { openWorld } from '../support/rollback-world.ts';

test('300 random histories of entities that compete for unique values are undone within the constraint', async () => {
  const database = await createPgliteDatabase({ migrated: true });
  const world = await openWorld(database);
  await undoesWithinConstraints(world, database, 300);
  expect(world.errors).toEqual([]);
  await world.close();
  await database.close();
});
