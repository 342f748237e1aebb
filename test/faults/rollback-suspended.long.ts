import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { node } from '../support/graph-writes.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startProcess } from '../support/processes.ts';
import { openWorld } from '../support/rollback-world.ts';

const child = fileURLToPath(new URL('./rollback-child.ts', import.meta.url));

/** It holds the marker and the entities of its batch. The graph takes them from it after half a minute, and the batch with them. */
test('an instance that is suspended in the middle of a graph transaction is not waited for, and writes nothing more', async () => {
  await using created = await createTestDatabase({ migrated: true });
  const world = await openWorld(created.database, { queue: 'none', sweepMs: 3_600_000 });
  const nodes = Array.from({ length: 9 }, (_, n) => node(`n${n}`, { p: 0 }));
  const start = await world.write('start', nodes);
  await world.write(
    'u',
    nodes.map(({ key }) => node(key, { p: 1 })),
  );
  const id = await world.request({
    undo: { by: { actor: 'u' }, from: { seq: start } },
    strategy: 'GRADUAL',
    batchSize: 3,
  });
  const startInstance = (...args: string[]) => {
    const running = startProcess(process.execPath, [child, created.url, id, ...args]);
    let output = '';
    running.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<string>((resolve) => running.on('close', () => resolve(output)));
    return { pid: running.pid ?? 0, ended };
  };
  const suspended = startInstance('inside', 'transaction', '3', 'SIGSTOP');
  await world.until(async () => / \(.*\) T /.test(readFileSync(`/proc/${suspended.pid}/stat`, 'utf8')));
  expect(await startInstance().ended).toMatch(/^COMPLETED/);
  await world.write(
    'other',
    nodes.map(({ key }) => node(key, { p: 1 })),
  );
  const before = await world.content();
  process.kill(suspended.pid, 'SIGCONT');
  expect(await suspended.ended).toMatch(/^COMPLETED/);
  expect(await world.content()).toEqual(before);
  await world.recorder.fence();
  const { items } = await world.history.transactions(world.graphId, { operationId: id }, { limit: 10 });
  expect(items.map(({ changeCount }) => changeCount)).toEqual([3n, 3n, 3n]);
  await world.close();
});
