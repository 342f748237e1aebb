import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { type Pick, picker } from './bolt-writers.ts';
import type { Neo4jService } from './neo4j-service.ts';

const ACCOUNTS = 100;
const BALANCE = 1000;
const FEW_POINTS = 5;
const FEW_TRANSFERS = 50;

/** Each writer's transactions are known beforehand, by their number: so any state is known by how many each has done. */
interface Transfer {
  readonly from: number;
  readonly to: number;
  readonly amount: number;
}

/** Counts of each writer: what it was told is committed, and what it had begun. */
interface Counts {
  readonly acknowledged: readonly number[];
  readonly begun: readonly number[];
}

const TRANSFER = `MATCH (w:Writer {no: $writer}) MATCH (x:Account {no: $first}) MATCH (y:Account {no: $second})
  CALL apoc.lock.nodes([x]) CALL apoc.lock.nodes([y])
  SET w.n = $n, x.balance = x.balance - $amount, y.balance = y.balance + $amount
  CREATE (w)-[:DID {n: $n}]->(x)`;

/** Writers of one graph that move money between its accounts, and points that are pinned meanwhile. */
export class Transfers {
  readonly #service: Neo4jService;
  readonly #transfers: Transfer[][];
  readonly #picks: Pick[];
  readonly #acknowledged: number[];
  #writing = true;

  private constructor(service: Neo4jService, writers: number) {
    this.#service = service;
    this.#transfers = Array.from({ length: writers }, () => []);
    this.#picks = this.#transfers.map((_, writer) => picker(writer + 1));
    this.#acknowledged = this.#transfers.map(() => 0);
  }

  static async open(service: Neo4jService, writers: number): Promise<Transfers> {
    for (const label of ['Account', 'Writer']) await service.cypher(`CREATE INDEX FOR (n:${label}) ON (n.no)`);
    await service.cypher('UNWIND range(0, $last) AS no CREATE (:Account {no: no, balance: $balance})', {
      last: BigInt(ACCOUNTS - 1),
      balance: BigInt(BALANCE),
    });
    await service.cypher('UNWIND range(0, $last) AS no CREATE (:Writer {no: no, n: 0})', { last: BigInt(writers - 1) });
    return new Transfers(service, writers);
  }

  /** Writes and pins for so long, until there are a few transfers and points at least, and checks each. @returns how many transactions and points there were */
  async run(forMs: number): Promise<{ transactions: number; points: number }> {
    const writing = Promise.all(this.#transfers.map((_, writer) => this.#write(writer)));
    const points: { seq: bigint; transfers: number; before: Counts; after: Counts }[] = [];
    const isFew = () => points.length < FEW_POINTS || this.#transactions() < FEW_TRANSFERS;
    for (const end = Date.now() + forMs; Date.now() < end || isFew(); ) {
      const before = this.#counts();
      const point = await this.#service.point(`point ${points.length}`);
      expect(point).toMatchObject({ __typename: 'RollbackPoint', status: 'STORED' });
      const transfers = Number(point.relationshipCount);
      points.push({ seq: BigInt(point.seq), transfers, before, after: this.#counts() });
      await sleep(50);
    }
    this.#writing = false;
    await writing;
    for (const { seq, transfers, before, after } of points) {
      const done = await this.#check(seq);
      expect(transfers).toBe(done.reduce((sum, n) => sum + n, 0));
      for (const [writer, n] of done.entries()) {
        // All that was acknowledged before the request is in it, and nothing that was begun after it was stored.
        expect(n).toBeGreaterThanOrEqual(before.acknowledged[writer] ?? 0);
        expect(n).toBeLessThanOrEqual(after.begun[writer] ?? 0);
      }
    }
    return { transactions: this.#transactions(), points: points.length };
  }

  #transactions(): number {
    return this.#acknowledged.reduce((sum, n) => sum + n, 0);
  }

  #counts(): Counts {
    return { acknowledged: [...this.#acknowledged], begun: this.#transfers.map(({ length }) => length) };
  }

  async #write(writer: number): Promise<void> {
    const pick = this.#picks[writer] ?? picker(0);
    while (this.#writing) {
      const from = pick(ACCOUNTS);
      const transfer = { from, to: (from + 1 + pick(ACCOUNTS - 1)) % ACCOUNTS, amount: pick(100) };
      const n = (this.#transfers[writer] ?? []).push(transfer);
      // In one order, so that writers wait for each other and do not meet in a deadlock.
      const [first, second] = [transfer.from, transfer.to].toSorted((a, b) => a - b);
      const amount = first === transfer.from ? transfer.amount : -transfer.amount;
      const numbers = Object.entries({ writer, first, second, amount, n }).map(([name, value]) => [
        name,
        BigInt(value ?? 0),
      ]);
      await this.#service.cypher(TRANSFER, Object.fromEntries(numbers), { actor: `writer ${writer}` });
      this.#acknowledged[writer] = n;
    }
  }

  /** That the state at `seq` is what the writers' counts in it make it. @returns how many transactions of each writer it has */
  async #check(seq: bigint): Promise<number[]> {
    const history = new PostgresHistory(this.#service.database.database);
    const graph = await history.graphByName('g');
    if (graph === null) throw new Error('no graph');
    const balances: number[] = [];
    const done: number[] = [];
    const { items } = await history.scanAt(graph.id, seq, { kind: 'NODE' }, { limit: 10_000 });
    for (const { labels, properties } of items.flatMap((state) => (state.kind === 'NODE' ? [state] : []))) {
      if (labels.includes('Account')) balances[Number(properties.no)] = Number(properties.balance);
      else done[Number(properties.no)] = Number(properties.n);
    }
    const expected = Array.from({ length: ACCOUNTS }, () => BALANCE);
    for (const [writer, n] of done.entries()) {
      for (const { from, to, amount } of (this.#transfers[writer] ?? []).slice(0, n)) {
        expected[from] = (expected[from] ?? 0) - amount;
        expected[to] = (expected[to] ?? 0) + amount;
      }
    }
    expect(balances).toEqual(expected);
    return done;
  }
}
