import { performance } from 'node:perf_hooks';
import { type Client, connect, expectObject } from './client.ts';
import * as queries from './queries.ts';
import { startService } from './service.ts';

/**
 * The story of the README, played against a real service: a curator improves WordNet, an agent writes nonsense over it, the agent's
 * session is taken back, the curator's work stays. `npm run demo` starts a service of its own; with PALINODE_URL it uses that one.
 */

interface Summary {
  nodesCreated: string;
  nodesUpdated: string;
  nodesDeleted: string;
  relationshipsCreated: string;
  relationshipsUpdated: string;
  relationshipsDeleted: string;
}
interface Synset {
  key: string;
  gloss: string;
}
interface Operation {
  status: string;
  outcome: string | null;
  planHash: string | null;
  errorMessage: string | null;
  openConflictCount: string;
  planSummary: Summary | null;
  counts: { planned: string; applied: string; skipped: string; conflicted: string };
  proof: { method: string; matches: boolean; checkedEntities: string } | null;
  plan: {
    nodes: {
      change: {
        key: string;
        properties: { name: string; before: { text: string } | null; after: { text: string } | null }[];
      };
    }[];
  };
}

const say = (text = ''): void => void process.stdout.write(`${text}\n`);
const chapter = (text: string): void => say(`\n\u001b[1m${text}\u001b[0m`);

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

interface Point {
  __typename: string;
  id: string;
  name: string;
  status: string;
  seq: string;
  nodeCount: string;
  relationshipCount: string;
  checksum: string;
}
interface Started {
  __typename: string;
  id: string;
}

async function waitForSample(client: Client): Promise<void> {
  for (;;) {
    const { graph } = await client.request<{
      graph: { nodeCount: string; relationshipCount: string; capture: { pending: string } };
    }>(queries.LOADED);
    process.stdout.write(`\r   ${graph.nodeCount} nodes, ${graph.relationshipCount} relationships recorded`);
    if (graph.nodeCount === '117791' && graph.relationshipCount === '378203') break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  say();
}

async function readSynsets(client: Client, label: string, count: number): Promise<Synset[]> {
  const found: Synset[] = [];
  for (let after: string | null = null; found.length < count; ) {
    const page: {
      graph: { nodes: { nodes: { key: string; property: { text: string } }[]; pageInfo: { endCursor: string } } };
    } = await client.request(queries.SYNSETS, { label, first: Math.min(500, count - found.length), after });
    found.push(...page.graph.nodes.nodes.map((n) => ({ key: n.key, gloss: n.property.text })));
    after = page.graph.nodes.pageInfo.endCursor;
  }
  return found;
}

async function open(client: Client, name: string, actor: string): Promise<Started> {
  return expectObject(
    (await client.request<{ openSession: Started }>(queries.OPEN_SESSION, { name, actor })).openSession,
  );
}

async function write(client: Client, session: string, changes: unknown[]): Promise<void> {
  const started = performance.now();
  const { writeGraph } = await client.request<{
    writeGraph: { __typename: string; transaction: { seq: string; changeCount: string } };
  }>(queries.WRITE, { session, changes });
  const written = expectObject(writeGraph);
  say(
    `   one transaction, seq ${written.transaction.seq}: ${written.transaction.changeCount} entities in ${(performance.now() - started).toFixed(0)} ms`,
  );
}

function putGloss(key: string, text: string): unknown {
  return { putNode: { key, mode: 'UPDATE', set: [{ name: 'gloss', value: text }] } };
}

function bogus(near: string, i: number): unknown[] {
  const key = `bogus-${i}`;
  return [
    {
      putNode: {
        key,
        mode: 'CREATE',
        labels: ['Synset', 'Noun'],
        set: [{ name: 'gloss', value: 'a thing that the agent made up' }],
      },
    },
    { putRelationship: { key: `${key}-0`, mode: 'CREATE', type: 'HYPERNYM', start: key, end: near } },
  ];
}

async function showDiff(client: Client, point: string): Promise<void> {
  const { graph } = await timed('diff', () =>
    client.request<{
      graph: {
        diff: {
          summary: Summary;
          changes: {
            nodes: { key: string; properties: { name: string; before: { text: string }; after: { text: string } }[] }[];
          };
        };
      };
    }>(queries.SESSION_DIFF, { from: point }),
  );
  say(`   ${describe(graph.diff.summary)}`);
  for (const change of graph.diff.changes.nodes) {
    for (const p of change.properties)
      say(`   ${change.key}.${p.name}: ${quote(p.before.text)} -> ${quote(p.after.text)}`);
  }
  const who = await client.request<{
    graph: {
      contributions: {
        nodes: { actor: string; session: { name: string } | null; transactions: string; summary: Summary }[];
      };
    };
  }>(queries.CONTRIBUTIONS, { since: point });
  for (const c of who.graph.contributions.nodes)
    say(`   ${c.actor} in session ${c.session?.name ?? '-'}, ${c.transactions} transactions: ${describe(c.summary)}`);
}

async function startUndo(client: Client, session: string, dryRun: boolean): Promise<string> {
  return expectObject((await client.request<{ rollback: Started }>(queries.UNDO_SESSION, { session, dryRun })).rollback)
    .id;
}

async function finish(client: Client, id: string, live = false): Promise<{ id: string; operation: Operation }> {
  const started = performance.now();
  type Progress = {
    operationProgress: {
      type: string;
      status: string;
      progress: number;
      message: string | null;
      counts: { planned: string; applied: string };
    };
  };
  for await (const { operationProgress: event } of client.follow<Progress>(queries.PROGRESS, { id })) {
    if (live)
      say(
        `   ${String(event.progress).padStart(3)} %  ${event.status.padEnd(18)} ${event.counts.applied}/${event.counts.planned}  ${event.message ?? ''}`,
      );
  }
  const { rollbackOperation } = await client.request<{ rollbackOperation: Operation }>(queries.OPERATION, { id });
  if (rollbackOperation.status === 'FAILED') throw new Error(rollbackOperation.errorMessage ?? 'the operation failed');
  say(
    `   ${rollbackOperation.status} (${rollbackOperation.outcome}) after ${(performance.now() - started).toFixed(0)} ms`,
  );
  return { id, operation: rollbackOperation };
}

function report(operation: Operation): void {
  say(`   ${describe(operation.planSummary)}; ${operation.counts.applied} of ${operation.counts.planned} applied`);
  const proof = operation.proof;
  if (proof !== null)
    say(
      `   proof (${proof.method}): ${proof.checkedEntities} entities read back, ${proof.matches ? 'all as planned' : 'NOT as planned'}`,
    );
}

async function gloss(client: Client, key: string): Promise<string> {
  const { graph } = await client.request<{ graph: { entity: { property: { text: string } } } }>(queries.GLOSS, { key });
  return graph.entity.property.text;
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  say(`   ${what} answered in ${(performance.now() - started).toFixed(0)} ms`);
  return result;
}

function describe(s: Summary | null): string {
  if (s === null) return 'nothing planned';
  return `nodes +${s.nodesCreated} ~${s.nodesUpdated} -${s.nodesDeleted}, relationships +${s.relationshipsCreated} ~${s.relationshipsUpdated} -${s.relationshipsDeleted}`;
}

function quote(text: string | undefined): string {
  if (text === undefined) return '(absent)';
  return `"${text.length > 60 ? `${text.slice(0, 57)}...` : text}"`;
}
