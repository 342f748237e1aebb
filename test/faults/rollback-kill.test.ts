import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { runFolder, startProcess } from '../support/processes.ts';
import { CALLER, goneNode, goneRelationship, openWorld, type World } from '../support/rollback-world.ts';

const child = fileURLToPath(new URL('./rollback-child.ts', import.meta.url));
const migrations = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

type Kill = readonly [moment: string, method: string, count: number];

/** Between two bookkeeping steps, around the graph's commits, in the middle of planning, and in the proof. */
const kills: readonly Kill[] = [
  ['after', 'acquire', 1],
  ['before', 'put', 1],
  ['after', 'put', 1],
  ['before', 'advance', 2],
  ['after', 'advance', 3],
  ['before', 'advance', 5],
  ['after', 'advance', 6],
  ['inside', 'transaction', 1],
  ['after', 'transaction', 1],
  ['inside', 'transaction', 2],
  ['after', 'transaction', 2],
  ['before', 'advance', 8],
  ['after', 'transaction', 3],
  ['before', 'written', 1],
  ['before', 'account', 1],
  ['before', 'forgetMarker', 1],
];

interface Place {
  readonly where: string;
  open(): Promise<PostgresStore>;
  dispose(): Promise<void>;
}

const places: readonly (readonly [string, () => Promise<Place>])[] = [
  [
    'PGlite',
    async () => {
      const where = mkdtempSync(join(runFolder(), 'kill-'));
      const open = async () => {
        const database = await PgliteDatabase.open({ dataFolder: where });
        await migrate(database, migrations);
        return database;
      };
      return { where, open, dispose: async () => {} };
    },
  ],
  [
    'a PostgreSQL server',
    async () => {
      const created = await createTestDatabase({ migrated: true });
      const open = async () => new PgDatabase({ url: created.url, poolSize: 5 });
      return { where: created.url, open, dispose: () => created[Symbol.asyncDispose]() };
    },
  ],
];

/** A graph in which actor `u` updated, created and deleted among the work of others. Returns what undoing that must give. */
async function messUp(world: World) {
  const nodes = Array.from({ length: 40 }, (_, n) => node(`n${n}`, { p: 0 }));
  const links = nodes.slice(1).map(({ key }, n) => relationship(`r${n}`, 'n0', key));
  const start = await world.write('start', [...nodes, ...links]);
  await world.write(
    'u',
    nodes.slice(0, 20).map(({ key }) => node(key, { p: 1 })),
  );
  await world.write(
    'u',
    links.slice(25).map(({ key }) => goneRelationship(key)),
  );
  await world.write(
    'u',
    nodes.slice(30).map(({ key }) => goneNode(key)),
  );
  const added = Array.from({ length: 20 }, (_, n) => node(`new${n}`, { p: 1 }));
  await world.write('u', [...added, ...added.map(({ key }) => relationship(`to-${key}`, key, 'n0'))]);
  await world.write('other', [node('n1', { p: 1, q: 'kept' }), node('theirs')]);
  const expected: Record<string, unknown> = {
    ...Object.fromEntries(nodes.map((state) => [`n:${state.key}`, state])),
    ...Object.fromEntries(links.map((state) => [`r:${state.key}`, state])),
    'n:n1': node('n1', { p: 0, q: 'kept' }),
    'n:theirs': node('theirs'),
  };
  return { start, expected };
}

async function runChild(place: Place, id: string, kill: Kill | null): Promise<{ code: number | null; output: string }> {
  const args = kill === null ? [] : kill.map(String);
  const running = startProcess(process.execPath, [child, place.where, id, ...args]);
  let output = '';
  for (const stream of [running.stdout, running.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => running.on('exit', resolve));
  return { code, output };
}

describe.each(places)('an instance killed during a rollback, on %s', (_, make) => {
  test.each(['IMMEDIATE', 'GRADUAL'] as const)(
    '%s: those after it bring it to one end, every change applied once',
    async (strategy) => {
      const place = await make();
      const before = await place.open();
      const world = await openWorld(before, { queue: 'none' });
      const { start, expected } = await messUp(world);
      const id = await world.manager.request(CALLER, {
        graph: 'demo',
        undo: { by: { actor: 'u' }, from: { seq: start } },
        dryRun: false,
        strategy,
        ...(strategy === 'GRADUAL' && { batchSize: 41 }),
        policy: { default: 'ABORT' },
        includeSchema: false,
      });
      await world.close();
      await before.close();

      let struck = 0;
      // Each strategy dies at every other place, so that both see every phase.
      const chosen = kills.filter((_kill, at) => at % 2 === (strategy === 'IMMEDIATE' ? 0 : 1));
      for (const kill of chosen) {
        const { code, output } = await runChild(place, id, kill);
        if (code === null) struck += 1;
        else expect([code, output]).toEqual([0, expect.stringMatching(/COMPLETED/)]);
      }
      expect(struck).toBeGreaterThan(4);
      const last = await runChild(place, id, null);
      expect(last).toEqual({ code: 0, output: 'COMPLETED\n' });

      const after = await place.open();
      const again = await openWorld(after, { queue: 'none' });
      expect(await again.content()).toEqual(expected);
      const operation = await again.settle(id);
      expect(operation).toMatchObject({
        status: 'COMPLETED',
        outcome: 'APPLIED',
        counts: { planned: 84n, applied: 84n },
      });
      expect((await again.details(id))?.proof).toMatchObject({ matches: true, checkedEntities: '84' });
      const recorded = await again.history.transactions(again.graphId, { operationId: id }, { limit: 100 });
      const written = recorded.items.reduce((sum, { changeCount }) => sum + changeCount, 0n);
      expect(written).toBe(84n);
      const events = await again.events(id);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => BigInt(at + 1)));
      expect(events.filter(({ type }) => type === 'COMPLETED')).toHaveLength(1);
      await again.close();
      await after.close();
      await place.dispose();
    },
    240_000,
  );
});
