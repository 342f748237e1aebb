import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { PostgresAuditLog } from '../../src/adapters/postgres/audit-log.ts';
import type { Answer } from './graphql-client.ts';
import type { Service } from './service.ts';

/** A stream of numbers from 0 to 1 that the seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const NODES = Array.from({ length: 12 }, (_, n) => `shared${n}`);
const AGENTS = ['agent0', 'agent1', 'agent2'];
/**
 * Operations that clients leave open. Each asks for more only while there are fewer: everybody undoes everything again and again, over a window
 * that grows all the time, so what nobody waits for would never be done.
 */
const MOST_OPEN = 20;
/** What a client that acts on what it saw a moment ago must expect to be told. */
const EXPECTED_ERRORS: ReadonlySet<string> = new Set([
  'StateError',
  'PlanChangedError',
  'ConstraintError',
  'InvalidInputError',
]);

/** What a client does to an operation, by the throw of a die. */
const ACTIONS = [
  [0.785, 'ABORT'],
  [0.82, 'RESUME'],
  [0.86, 'PAUSE'],
  [0.9, 'CONTINUE'],
  [0.94, 'UNDO'],
  [0.97, 'REHEARSE'],
  [1, 'EXECUTE'],
] as const;

const INPUTS = {
  abortRollback: 'AbortRollbackInput',
  continueRollback: 'PauseRollbackInput',
  executeRollback: 'ExecuteRollbackInput',
  pauseRollback: 'PauseRollbackInput',
  rehearseRollback: 'RehearseRollbackInput',
  resolveConflicts: 'ResolveConflictsInput',
  resumeRollback: 'OperationInput',
  rollback: 'RollbackInput',
  undoRollback: 'OperationInput',
  writeGraph: 'WriteGraphInput',
} as const;
type Mutation = keyof typeof INPUTS;

const OPEN = 'filter: { status: [ROLLBACK_INITIATED, ANALYZING, CONFLICT_DETECTION, CONFLICT_RESOLUTION, EXECUTING] }';
const operationsQuery = (
  select: string,
): string => `{ graph(name: "demo") { operations(${select}) { nodes { id status dryRun paused planHash availableActions
  conflicts(first: 20, filter: { status: OPEN }) { nodes { id version liveHash } } } } } }`;

/** Clients that do at random what clients do, over HTTP, and what they were promised. */
export class ManyClients {
  readonly #service: Service;
  readonly #random: () => number;
  /** The last value of each client's own property on each node that it was told had been written. */
  readonly #promised = new Map<string, number>();
  /** How often each mutation was answered with its object, and with which errors. */
  readonly tally = new Map<string, number>();
  #decided = 0;
  #value = 0;

  constructor(service: Service, seed: number) {
    this.#service = service;
    this.#random = randomFrom(seed);
  }

  async run(clients: number, ms: number): Promise<void> {
    const changes = NODES.map((key) => ({
      putNode: { key, labels: ['Doc'], set: [{ name: 'text', value: 'start' }] },
    }));
    await this.#service.made('writeGraph', 'changed', { graph: 'demo', actor: 'start', changes });
    const until = Date.now() + ms;
    const client = async (_: unknown, number: number): Promise<void> => {
      while (Date.now() < until) await this.#act(number);
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  /**
   * Nothing is stuck: what waits is decided, what is paused goes on, and everything ends.
   * @param ms longest time in which no operation ends
   */
  async rest(ms: number): Promise<void> {
    let fewest = Number.POSITIVE_INFINITY;
    for (let until = 0; ; await sleep(100)) {
      const open = await this.#operations(`first: ${2 * MOST_OPEN}, ${OPEN}`);
      if (open.length === 0) return;
      if (open.length < fewest) until = Date.now() + ms;
      fewest = Math.min(fewest, open.length);
      if (Date.now() > until)
        throw new Error(`${open.length} operations are stuck: ${JSON.stringify(open.slice(0, 3))}`);
      for (const { id, paused, conflicts } of open) {
        if (paused) await this.#attempt('continueRollback', { id });
        if (conflicts.nodes.length > 0) await this.#resolve(id, conflicts.nodes, 'LIVE');
      }
    }
  }

  /** Everything that was promised is so. */
  async judge(): Promise<void> {
    const { client, database, assembly, reported } = this.#service;
    expect(reported).toEqual([]);
    const [graph] = assembly.graphs;
    if (graph === undefined) throw new Error('there is no graph');
    await assembly.registry.get(graph.id).recorder.fence();

    // No lost update: nobody took back what clients wrote under their own names, so all of it is there.
    const live = new Map<string, unknown>();
    for await (const page of assembly.registry.get(graph.id).graph.scan('NODE', 1000)) {
      for (const { key, properties } of page) {
        for (const [name, value] of Object.entries(properties)) live.set(`${key} ${name}`, value);
      }
    }
    for (const [place, value] of this.#promised) expect([place, live.get(place)]).toEqual([place, value]);

    // What a rollback wrote over a client's text was a conflict that somebody decided.
    const { rows: overwritten } = await database.query<{ key: string; operation_id: string }>(
      `SELECT v.key, t.operation_id FROM graph_transactions AS t JOIN entity_versions AS v ON v.graph_id = t.graph_id AND v.valid_from_seq = t.seq
         JOIN entity_versions AS b ON b.graph_id = v.graph_id AND b.kind = v.kind AND b.key = v.key AND b.valid_from_seq = (SELECT max(e.valid_from_seq)
           FROM entity_versions AS e WHERE e.graph_id = v.graph_id AND e.kind = v.kind AND e.key = v.key AND e.valid_from_seq < v.valid_from_seq)
       WHERE t.source = 'ROLLBACK' AND starts_with(b.properties ->> 'text', 'client') AND v.properties ->> 'text' <> b.properties ->> 'text'
         AND NOT EXISTS (SELECT FROM operation_conflicts AS c WHERE c.operation_id = t.operation_id AND c.key = v.key AND c.property = 'text'
           AND c.status = 'RESOLVED' AND c.live = (b.properties -> 'text')::jsonb)
         AND NOT EXISTS (SELECT FROM rollback_operations AS o WHERE o.id = t.operation_id AND o.undo_operation_id IS NOT NULL)`,
    );
    expect(overwritten).toEqual([]);

    // The log has every request, every change of state and every decision, in one unbroken chain.
    expect(await new PostgresAuditLog(database).verify()).toMatchObject({ brokenAt: null });
    const { rows: unlogged } = await database.query(
      `SELECT e.operation_id, e.status FROM (SELECT operation_id, status, lag(status) OVER (PARTITION BY operation_id ORDER BY seq) AS previous
         FROM operation_events) AS e
       WHERE e.status IS DISTINCT FROM e.previous AND NOT EXISTS (SELECT FROM rollback_audit_log AS a WHERE a.operation_id = e.operation_id
         AND a.event_type = CASE WHEN e.previous IS NULL THEN 'OPERATION_REQUESTED' ELSE 'OPERATION_' || e.status END)`,
    );
    expect(unlogged).toEqual([]);
    const { rows: decisions } = await database.query<{ n: bigint }>(
      `SELECT count(*) AS n FROM rollback_audit_log WHERE event_type = 'CONFLICTS_RESOLVED' AND user_id IS NOT NULL`,
    );
    expect(decisions[0]?.n).toBe(BigInt(this.#decided));

    // History is what the graph is.
    const { id } = await this.#service.made('verifyGraph', 'id', { graph: 'demo' });
    for (;;) {
      const { node } = await client.data(
        `query ($id: ID!) { node(id: $id) { ... on Verification { status matches } } }`,
        { id },
      );
      if (node.status === 'RUNNING') await sleep(50);
      else return expect(node).toEqual({ status: 'DONE', matches: true });
    }
  }

  async #act(number: number): Promise<void> {
    const dice = this.#random();
    if (dice < 0.35) return this.#writeOwn(number);
    if (dice < 0.5) return this.#writeAsAgent();
    if (dice < 0.6) return this.#begin(() => this.#rollBack());
    const operations = await this.#operations();
    if (dice < 0.78) {
      const waiting = this.#pick(operations.filter(({ conflicts }) => conflicts.nodes.length > 0));
      if (waiting === undefined) return;
      const conflict = this.#pick(waiting.conflicts.nodes);
      return this.#resolve(waiting.id, [conflict], this.#pick(['BASE', 'TARGET', 'LIVE']) ?? 'LIVE');
    }
    const [, action] = ACTIONS.find(([until]) => dice < until) ?? [1, 'ABORT'];
    // Mostly what is offered, often of what has changed since, and now and then what nobody offered.
    const offered = operations.filter(({ availableActions }) => availableActions.includes(action));
    const operation = this.#random() < 0.7 ? this.#pick(offered) : this.#pick(operations);
    if (operation === undefined) return;
    const { id, planHash } = operation;
    switch (action) {
      case 'ABORT':
        return this.#attempt('abortRollback', { id });
      case 'PAUSE':
        return this.#attempt('pauseRollback', { id });
      case 'CONTINUE':
        return this.#attempt('continueRollback', { id });
      case 'REHEARSE':
        return this.#attempt('rehearseRollback', { id });
      case 'RESUME':
        return this.#begin(() => this.#attempt('resumeRollback', { id }));
      case 'UNDO':
        return this.#begin(() => this.#attempt('undoRollback', { id }));
      case 'EXECUTE':
        return this.#begin(() =>
          this.#attempt('executeRollback', { id, expectPlan: planHash ?? '', strategy: 'GRADUAL' }),
        );
    }
  }

  /** Another operation, or with enough of them open the end of one: what waits is decided, what is paused goes on. */
  async #begin(another: () => Promise<void>): Promise<void> {
    const open = await this.#operations(`first: ${MOST_OPEN}, ${OPEN}`);
    if (open.length < MOST_OPEN) return another();
    const operation = this.#pick(open.filter(({ paused, conflicts }) => paused || conflicts.nodes.length > 0));
    if (operation === undefined) return;
    const { id, paused, conflicts } = operation;
    if (paused) return this.#attempt('continueRollback', { id });
    return this.#resolve(id, conflicts.nodes, this.#pick(['TARGET', 'LIVE']) ?? 'LIVE');
  }

  /** A count in a property that is the client's alone, and often a text over whatever is there. */
  async #writeOwn(number: number): Promise<void> {
    const key = this.#pick(NODES) ?? '';
    this.#value += 1;
    const value = this.#value;
    const text = this.#random() < 0.4 ? [{ name: 'text', value: `client${number} ${value}` }] : [];
    const set = [{ name: `count${number}`, value }, ...text];
    const input = { graph: 'demo', actor: `client${number}`, changes: [{ putNode: { key, mode: 'UPDATE', set } }] };
    await this.#attempt('writeGraph', input, () => this.#promised.set(`${key} count${number}`, value));
  }

  async #writeAsAgent(): Promise<void> {
    const actor = this.#pick(AGENTS) ?? '';
    const changes = NODES.filter(() => this.#random() < 0.3).map((key) => {
      this.#value += 1;
      return { putNode: { key, mode: 'UPDATE', set: [{ name: 'text', value: `${actor} ${this.#value}` }] } };
    });
    if (changes.length > 0) await this.#attempt('writeGraph', { graph: 'demo', actor, changes });
  }

  async #rollBack(): Promise<void> {
    const undo = { by: { actor: this.#pick(AGENTS) ?? '' }, from: { keyword: 'EARLIEST' } };
    const onConflict = { default: this.#pick(['MANUAL', 'MANUAL', 'SKIP', 'OVERWRITE']) };
    const gradual = this.#random() < 0.6 ? { strategy: 'GRADUAL', batchSize: 2, maxChangesPerSecond: 40 } : {};
    await this.#attempt('rollback', { graph: 'demo', undo, onConflict, dryRun: this.#random() < 0.2, ...gradual });
  }

  async #resolve(operation: string, conflicts: readonly Answer[], side: string): Promise<void> {
    const resolutions = conflicts.map(({ id, version, liveHash }) => ({
      conflict: id,
      choose: { side },
      expectVersion: version,
      expectLive: liveHash,
    }));
    await this.#attempt('resolveConflicts', { operation, resolutions }, () => {
      this.#decided += 1;
    });
  }

  async #operations(select = 'first: 40'): Promise<readonly Answer[]> {
    return (await this.#service.client.data(operationsQuery(select))).graph.operations.nodes;
  }

  /** A mutation that may be refused, for a reason that is to be expected. */
  async #attempt(mutation: Mutation, input: unknown, done: () => void = () => {}): Promise<void> {
    const query = `mutation ($input: ${INPUTS[mutation]}!) { ${mutation}(input: $input) { __typename ... on UserError { message } } }`;
    const { data, errors } = await this.#service.client.request(query, { input });
    if (errors !== undefined) throw new Error(`${mutation}: ${JSON.stringify(errors)}`);
    const { __typename: type, message } = data[mutation];
    const name = message === undefined ? mutation : `${mutation} ${type}`;
    this.tally.set(name, (this.tally.get(name) ?? 0) + 1);
    if (message === undefined) return done();
    if (!EXPECTED_ERRORS.has(type)) throw new Error(`${name}: ${message}`);
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }
}
