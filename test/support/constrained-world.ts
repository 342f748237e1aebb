import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { ConflictChoice } from '../../src/core/conflict-choice.ts';
import type { OperationRecord } from '../../src/ports/operation-store.ts';
import { conflictsIn, decision } from './conflicted.ts';
import { Interruptions } from './interruptions.ts';
import { createPgliteDatabase } from './postgres.ts';
import { openWorld, type Wanted, type World } from './rollback-world.ts';

/** Rollbacks on an embedded graph with constraints, for one suite: what comes in between, and what breaks, ends with each test. */
export function constrainedWorld() {
  let database: PgliteDatabase;
  let world: World;
  const interruptions = new Interruptions();
  /** The method of a port that fails in a way that nobody foresaw. */
  let broken: string | null = null;
  const constraints: string[] = [];
  let round = 0;

  beforeAll(async () => {
    database = await createPgliteDatabase({ migrated: true });
    const wrap = <Port extends object>(_name: string, port: Port): Port =>
      new Proxy(port, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name, target);
          if (typeof member !== 'function') return member;
          return (...args: unknown[]) => {
            if (name === broken) throw new Error(`${name} is broken`);
            return member.apply(target, args);
          };
        },
      });
    world = await openWorld(database, { wrap, wrapGraph: interruptions.wrap });
  });
  afterAll(async () => {
    await world.close();
    await database.close();
  });
  afterEach(async () => {
    broken = null;
    interruptions.reset();
    for (const name of constraints.splice(0)) await database.query('SELECT graph_demo.drop_constraint($1)', [name]);
  });
  const { conflictsOf, resolve } = conflictsIn(() => world);

  return {
    interruptions,
    conflictsOf,
    resolve,
    world: (): World => world,
    /** Null: nothing is broken. */
    breaks(method: string | null): void {
      broken = method;
    },
    /** A prefix of keys, values and actors that no other test has. */
    fresh(): string {
      round += 1;
      return `o${round}-`;
    },
    async constrain(kind: string, entity: 'NODE' | 'RELATIONSHIP', label: string, property = 'uid'): Promise<void> {
      const name = `constraint${constraints.length}`;
      const sql = 'SELECT graph_demo.add_constraint($1, $2, $3, $4, ARRAY[$5])';
      await database.query(sql, [name, kind, entity, label, property]);
      constraints.push(name);
    },
    /** Decides the one conflict that is open, which is this entity's. */
    async decide({ id }: OperationRecord, key: string, choice: ConflictChoice): Promise<OperationRecord> {
      const open = (await conflictsOf(id)).filter(({ status }) => status === 'OPEN');
      expect(open).toMatchObject([{ key }]);
      await resolve(id, ...open.map((conflict) => decision(conflict, choice)));
      await world.until(async () => (await world.conflictStore.unplanned(id, 1)).length === 0);
      return world.rest(id);
    },
    /** Others write this as soon as an operation is about to write. */
    inBetween(...wanted: readonly Wanted[]): void {
      interruptions.reset();
      interruptions.before = async (transaction) => {
        if (transaction === 2) await world.write('other', wanted);
      };
    },
    async propertiesOf(...ids: string[]) {
      const content = await world.content();
      return ids.map((id) => content[id]?.properties ?? null);
    },
    async proved(id: string): Promise<void> {
      expect((await world.details(id))?.proof).toMatchObject({ matches: true });
    },
  };
}
