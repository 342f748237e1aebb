import { performance } from 'node:perf_hooks';
import type { Operation, Started, Synset } from './answers.ts';
import { type Client, expectObject } from './client.ts';
import { describe, quote, type Summary, say, timed } from './printing.ts';
import * as queries from './queries.ts';

/** What is done in the chapters of the story, each with a line about how it went. */

export async function waitForSample(client: Client): Promise<void> {
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

export async function readSynsets(client: Client, label: string, count: number): Promise<Synset[]> {
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

export async function open(client: Client, name: string, actor: string): Promise<Started> {
  return expectObject(
    (await client.request<{ openSession: Started }>(queries.OPEN_SESSION, { name, actor })).openSession,
  );
}

export async function write(client: Client, session: string, changes: unknown[]): Promise<void> {
  const started = performance.now();
  const { writeGraph } = await client.request<{
    writeGraph: { __typename: string; transaction: { seq: string; changeCount: string } };
  }>(queries.WRITE, { session, changes });
  const written = expectObject(writeGraph);
  say(
    `   one transaction, seq ${written.transaction.seq}: ${written.transaction.changeCount} entities in ${(performance.now() - started).toFixed(0)} ms`,
  );
}

export function putGloss(key: string, text: string): unknown {
  return { putNode: { key, mode: 'UPDATE', set: [{ name: 'gloss', value: text }] } };
}

export function bogus(near: string, i: number): unknown[] {
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

export async function showDiff(client: Client, point: string): Promise<void> {
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

export async function startUndo(client: Client, session: string, dryRun: boolean): Promise<string> {
  return expectObject((await client.request<{ rollback: Started }>(queries.UNDO_SESSION, { session, dryRun })).rollback)
    .id;
}

export async function finish(client: Client, id: string, live = false): Promise<{ id: string; operation: Operation }> {
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

export function report(operation: Operation): void {
  say(`   ${describe(operation.planSummary)}; ${operation.counts.applied} of ${operation.counts.planned} applied`);
  const proof = operation.proof;
  if (proof !== null)
    say(
      `   proof (${proof.method}): ${proof.checkedEntities} entities read back, ${proof.matches ? 'all as planned' : 'NOT as planned'}`,
    );
}

export async function gloss(client: Client, key: string): Promise<string> {
  const { graph } = await client.request<{ graph: { entity: { property: { text: string } } } }>(queries.GLOSS, { key });
  return graph.entity.property.text;
}
