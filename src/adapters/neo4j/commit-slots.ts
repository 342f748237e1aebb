import { randomUUID } from 'node:crypto';
import type { Connection, Statements } from './connection.ts';
import type { Cypher } from './entities/cypher.ts';
import { MARKER_LABEL } from './names.ts';
import type { OwnMetadata } from './own-metadata.ts';

/** Slots of instances that are gone are removed after this time. */
const KEPT_DAYS = 2;

/**
 * Markers in the graph that tell whether a transaction was committed whose commit was never answered. A transaction writes its id into a
 * slot that no other uses meanwhile, so whoever holds the slot's lock afterwards sees it if and only if it was committed: while the
 * commit is still under way, the lock is not to be had.
 */
export class CommitSlots {
  readonly #connection: Connection;
  readonly #cypher: Cypher;
  readonly #own: OwnMetadata;
  readonly #free: string[] = [];
  #swept = false;

  constructor(connection: Connection, cypher: Cypher, own: OwnMetadata) {
    this.#connection = connection;
    this.#cypher = cypher;
    this.#own = own;
  }

  /** A slot for one transaction at a time; there are as many as there were transactions at once. */
  async take(): Promise<CommitSlot> {
    const id = this.#free.pop() ?? (await this.#create());
    return new CommitSlot(id, this.#cypher, () => this.#free.push(id));
  }

  /** In a transaction of its own, before its first use: a slot that is not there yet could not be waited for. */
  async #create(): Promise<string> {
    const id = `commit:${randomUUID()}`;
    await this.#connection.write({ metadata: await this.#own.housekeeping() }, async (tx) => {
      await tx.run(`MERGE (m:${MARKER_LABEL} {id: $id}) SET m.usedAt = datetime.realtime()`, { id });
      if (this.#swept) return;
      await tx.run(
        `MATCH (m:${MARKER_LABEL}) WHERE m.id STARTS WITH 'commit:' AND m.usedAt < datetime.realtime() - duration({days: $days}) DELETE m`,
        { days: BigInt(KEPT_DAYS) },
      );
      this.#swept = true;
    });
    return id;
  }
}

export class CommitSlot {
  readonly #id: string;
  readonly #cypher: Cypher;
  readonly #release: () => void;

  constructor(id: string, cypher: Cypher, release: () => void) {
    this.#id = id;
    this.#cypher = cypher;
    this.#release = release;
  }

  /** To be the last statement before the commit. */
  async stamp(tx: Statements, transaction: string): Promise<void> {
    await tx.run(`MERGE (m:${MARKER_LABEL} {id: $id}) SET m.last = $transaction, m.usedAt = datetime.realtime()`, {
      id: this.#id,
      transaction,
    });
  }

  /** Whether the slot's last committed transaction is this one. Waits for one that is still under way. */
  async holds(tx: Statements, transaction: string): Promise<boolean> {
    const [row] = await tx.run(`${this.#cypher.holdMarker} RETURN m.last AS last`, { id: this.#id });
    return row?.last === transaction;
  }

  release(): void {
    this.#release();
  }
}
