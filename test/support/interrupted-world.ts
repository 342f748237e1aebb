import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { changedNodes } from './changed-nodes.ts';
import type { OpenedGraphEngine } from './graph-engines.ts';
import { Interruptions } from './interruptions.ts';
import { openWorld, type World } from './rollback-world.ts';

/** One world for all tests of a suite, whose rollbacks each of them may break into. */
export function interruptedWorld(open: () => Promise<OpenedGraphEngine>) {
  const interruptions = new Interruptions();
  let engine: OpenedGraphEngine;
  let world: World;
  const opened = () => openWorld(engine.database, { neo4j: engine.neo4j, wrapGraph: interruptions.wrap });
  beforeAll(async () => {
    engine = await open();
    world = await opened();
  }, 300_000);
  afterAll(async () => {
    await world.close();
    await engine.close();
  });
  afterEach(() => interruptions.reset());
  return {
    interruptions,
    current: (): World => world,
    /** As after a restart of the service. */
    async reopen(): Promise<World> {
      await world.close();
      world = await opened();
      return world;
    },
    /** See changedNodes. The next rollback's transactions are counted from 1. */
    async history(count: number) {
      const made = await changedNodes(world, count);
      interruptions.recount();
      return made;
    },
    /** Their property p. */
    async held(keys: readonly string[]): Promise<unknown[]> {
      const content = await world.content();
      return keys.map((key) => content[`n:${key}`]?.properties.p);
    },
  };
}
