import type { Point, Started } from './answers.ts';
import { type Client, connect, expectObject } from './client.ts';
import { chapter, describe, quote, say, timed } from './printing.ts';
import * as queries from './queries.ts';
import { startService } from './service.ts';
import {
  bogus,
  finish,
  gloss,
  open,
  putGloss,
  readSynsets,
  report,
  showDiff,
  startUndo,
  waitForSample,
  write,
} from './steps.ts';

/**
 * The story of the README, played against a real service: a curator improves WordNet, an agent writes nonsense over it, the agent's
 * session is taken back, the curator's work stays. `npm run demo` starts a service of its own; with PALINODE_URL it uses that one.
 */

await main();

async function main(): Promise<void> {
  const given = process.env.PALINODE_URL;
  const service = given === undefined ? await startService() : { url: given, pid: 0, stop: async () => {} };
  try {
    await play(connect(service.url));
  } finally {
    await service.stop();
  }
}

async function play(client: Client): Promise<void> {
  chapter('1. WordNet is loaded, and every transaction of the load is recorded');
  await waitForSample(client);

  chapter('2. Pin the moment before');
  const before = await timed('createRollbackPoint', async () =>
    expectObject(
      (await client.request<{ createRollbackPoint: Point }>(queries.CREATE_POINT, { name: 'before the agents' }))
        .createRollbackPoint,
    ),
  );
  say(
    `   point "${before.name}" is ${before.status} at seq ${before.seq}: ${before.nodeCount} nodes, ${before.relationshipCount} relationships`,
  );
  say(`   checksum ${before.checksum}`);

  const synsets = await readSynsets(client, 'Noun', 1150);
  const doomed = (await readSynsets(client, 'Verb', 100)).map((s) => s.key);
  const fixed = synsets.slice(0, 200);
  const rewritten = synsets.slice(150, 1150); // the first 50 of them are the curator's

  chapter('3. Session curator fixes 200 glosses');
  const curator = await open(client, 'curator', 'carla');
  await write(
    client,
    curator.id,
    fixed.map((s) => putGloss(s.key, `${s.gloss} (revised)`)),
  );

  chapter(
    '4. Session agent-7 rewrites 1,000 glosses (50 of them the curator\u2019s), adds 300 bogus synsets, deletes 100 real ones',
  );
  const agent = await open(client, 'agent-7', 'agent-7');
  await write(
    client,
    agent.id,
    rewritten.map((s) => putGloss(s.key, 'As an AI language model I cannot define this.')),
  );
  await write(
    client,
    agent.id,
    synsets.slice(0, 300).flatMap((s, i) => bogus(s.key, i)),
  );
  await write(
    client,
    agent.id,
    doomed.map((key) => ({ deleteNode: { key, cascade: true } })),
  );

  chapter('5. What changed, and who changed it');
  await showDiff(client, before.id);

  chapter('6. Undo agent-7, as a dry run');
  const preview = await finish(client, await startUndo(client, agent.id, true));
  say(`   plan ${preview.operation.planHash}`);
  say(`   ${describe(preview.operation.planSummary)}; ${preview.operation.openConflictCount} conflicts`);
  for (const { change } of preview.operation.plan.nodes) {
    for (const p of change.properties)
      say(`   ${change.key}.${p.name}: ${quote(p.before?.text)} -> ${quote(p.after?.text)}`);
  }

  chapter('7. Execute exactly that plan, and watch it');
  const execution = expectObject(
    (
      await client.request<{ executeRollback: Started }>(queries.EXECUTE, {
        id: preview.id,
        plan: preview.operation.planHash,
      })
    ).executeRollback,
  );
  const executed = await finish(client, execution.id, true);
  report(executed.operation);

  chapter('8. The curator\u2019s work is still there');
  for (const synset of [fixed[0], fixed[175]]) {
    if (synset !== undefined) say(`   ${synset.key}: ${quote(await gloss(client, synset.key))}`);
  }

  chapter('9. Undo the rollback: the agent\u2019s writes are back');
  const redone = await finish(
    client,
    expectObject(
      (await client.request<{ undoRollback: Started }>(queries.UNDO_ROLLBACK, { id: execution.id })).undoRollback,
    ).id,
  );
  report(redone.operation);
  say(`   ${fixed[175]?.key}: ${quote(await gloss(client, fixed[175]?.key ?? ''))}`);

  chapter('10. Restore everything to the point before both');
  const restored = await finish(
    client,
    expectObject((await client.request<{ rollback: Started }>(queries.RESTORE, { point: before.id })).rollback).id,
  );
  report(restored.operation);
  const after = (await client.request<{ graph: { checksum: string } }>(queries.GLOSS, { key: fixed[0]?.key })).graph
    .checksum;
  say(`   checksum ${after}`);
  say(
    after === before.checksum
      ? '   the graph is what it was at the point, to the last value'
      : '   THE CHECKSUMS DIFFER',
  );
  if (after !== before.checksum) process.exitCode = 1;
}
