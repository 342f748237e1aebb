import { setTimeout as sleep } from 'node:timers/promises';
import { connect, expectObject } from '../demo/client.ts';
import type { PostgresStore } from '../src/adapters/postgres/postgres-store.ts';
import type { KnowledgeGraph } from '../src/ports/knowledge-graph.ts';

const GLOSS = 'a definition that is about as long as those of a dictionary are; "with an example, as they have one"';

/** When each batch of a rollback was committed: the first transaction of an operation takes its marker, the second is batch 1. */
export class Commits {
  #at: number[] = [];

  readonly wrap = (graph: KnowledgeGraph): KnowledgeGraph =>
    new Proxy(graph, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        if (name !== 'transaction') return member.bind(target);
        const transaction: KnowledgeGraph['transaction'] = async (context, work) => {
          const result = await target.transaction(context, work);
          if (context.source === 'ROLLBACK') this.#at.push(performance.timeOrigin + performance.now());
          return result;
        };
        return transaction;
      },
    });

  clear(): void {
    this.#at = [];
  }

  get count(): number {
    return this.#at.length - 1;
  }

  ofBatch(batch: number): number | undefined {
    return this.#at[batch];
  }
}

/** A service with one graph, as its clients and its plain SQL writers see it. */
export class Service {
  readonly url: string;
  readonly #store: PostgresStore;
  readonly #client;

  constructor(store: PostgresStore, url: string) {
    this.#store = store;
    this.url = url;
    this.#client = connect(url);
  }

  async fill(keys: readonly string[]): Promise<void> {
    const properties = keys.map((key) => JSON.stringify({ gloss: GLOSS, name: key, rank: 7, checked: true }));
    await this.#store.query(
      `INSERT INTO graph_demo.nodes (key, labels, properties)
       SELECT key, '{Synset,Noun}', properties::jsonb FROM unnest($1::text[], $2::text[]) AS r(key, properties)`,
      [keys, properties],
    );
    await this.#store.script('ANALYZE');
    await this.head();
  }

  /** Batches as any writer makes them: one statement and one transaction each, captured. */
  async writeAll(actor: string, value: string, of: readonly string[], size: number): Promise<void> {
    for (let at = 0; at < of.length; at += size) {
      const part = of.slice(at, at + size);
      const properties = part.map((key) =>
        JSON.stringify({ gloss: `${GLOSS} ${value}`, name: key, rank: 7, checked: true }),
      );
      await this.#store.transaction(async (tx) => {
        await tx.query(`SELECT set_config('palinode.actor', $1, true)`, [actor]);
        await tx.query(
          `UPDATE graph_demo.nodes AS n SET properties = r.properties::jsonb
           FROM unnest($1::text[], $2::text[]) AS r(key, properties) WHERE n.key = r.key`,
          [part, properties],
        );
      });
    }
  }

  /** The newest moment, once everything is recorded. */
  async head(): Promise<string> {
    const { createRollbackPoint } = await this.#client.request<{
      createRollbackPoint: { __typename: string; seq: string };
    }>(
      `mutation { createRollbackPoint(input: { graph: "demo", name: "head" }) { __typename ... on RollbackPoint { seq } ... on UserError { message } } }`,
    );
    return expectObject(createRollbackPoint).seq;
  }

  async undo(
    actor: string,
    since: string,
    batchSize: number,
    maxChangesPerSecond: number | null = null,
  ): Promise<string> {
    const { rollback } = await this.#client.request<{ rollback: { __typename: string; id: string } }>(
      `mutation ($actor: String!, $since: BigInt!, $batchSize: Int!, $pace: Int) { rollback(input: { graph: "demo", strategy: GRADUAL,
         undo: { by: { actor: $actor }, from: { seq: $since } }, batchSize: $batchSize, maxChangesPerSecond: $pace }) {
         __typename ... on RollbackOperation { id } ... on UserError { message } } }`,
      { actor, since, batchSize, pace: maxChangesPerSecond },
    );
    return expectObject(rollback).id;
  }

  async ended(id: string): Promise<void> {
    for (;;) {
      const { rollbackOperation: o } = await this.#client.request<{
        rollbackOperation: { status: string; errorMessage: string | null };
      }>('query ($id: ID!) { rollbackOperation(id: $id) { status errorMessage } }', { id });
      if (o.status === 'COMPLETED') return;
      if (['FAILED', 'ABORTED', 'PARTIALLY_COMPLETED'].includes(o.status))
        throw new Error(`${o.status}: ${o.errorMessage}`);
      // What is measured says itself when it ended, and should not share the processor with whoever asks.
      await sleep(250);
    }
  }

  /** From the beginning of the execution to the last batch's bookkeeping, as the operation's events say. */
  async writePhase(id: string): Promise<number> {
    const uuid = Buffer.from(id, 'base64url').toString().split(':')[1] ?? '';
    const { rows } = await this.#store.query<{ ms: number }>(
      `SELECT (extract(epoch FROM max(at) FILTER (WHERE type = 'PROGRESS') - min(at) FILTER (WHERE type = 'PHASE' AND status = 'EXECUTING')) * 1000)::float8 AS ms
       FROM operation_events WHERE operation_id = $1`,
      [uuid],
    );
    return rows[0]?.ms ?? Number.NaN;
  }
}
