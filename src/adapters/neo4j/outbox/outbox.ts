import type { Pending } from '../../../ports/knowledge-graph.ts';
import type { Connection, Row } from '../connection.ts';
import { GAP_LABEL, OUTBOX_LABEL } from '../names.ts';
import type { OwnMetadata } from '../own-metadata.ts';

/** One outbox node, without its payload. */
export interface PartHeader {
  readonly elementId: string;
  readonly part: number;
  /** Characters of the payload. */
  readonly size: number;
}

/** What is in an outbox node by now: Neo4j gives the id of one that is gone to another. */
export interface Payload {
  readonly tx: unknown;
  readonly part: number;
  /** Null when there is none. */
  readonly text: string | null;
}

/** One committed transaction in the outbox. */
export interface OutboxHeader {
  readonly tx: string;
  /** The trigger's stamp, in nanoseconds since 1970. */
  readonly at: bigint;
  /** About how many entities it changes. */
  readonly changes: number;
  /** Rows of all its columns. */
  readonly rows: number;
  /** JSON text: source, actor, session, operation, prefix of keys. */
  readonly whose: string;
  readonly parts: readonly PartHeader[];
  /** Whether all parts were found. */
  readonly isComplete: boolean;
}

// The number of entries comes and goes, at which Neo4j would plan anew what can be planned in one way only.
const WAITING = `CYPHER replan=skip MATCH (o:${OUTBOX_LABEL}) WHERE NOT o:${GAP_LABEL}`;
const HEADERS = `${WAITING} RETURN elementId(o) AS id, o._palinode_tx AS tx, o._palinode_at AS at, o._palinode_part AS part,
  CASE o._palinode_part WHEN 0 THEN [o._palinode_parts, o._palinode_changes, o._palinode_rows] END AS counts,
  CASE o._palinode_part WHEN 0 THEN o._palinode_whose END AS whose, o._palinode_size AS size`;
const PAYLOADS = `MATCH (o) WHERE elementId(o) IN $ids AND o:${OUTBOX_LABEL} AND NOT o:${GAP_LABEL}
  RETURN elementId(o) AS id, o._palinode_tx AS tx, o._palinode_part AS part, o._palinode_payload AS text`;
const NODES_PER_DELETE = 500;

/** The nodes in which the trigger leaves what transactions changed. */
export class Outbox {
  readonly #connection: Connection;
  readonly #own: OwnMetadata;
  readonly #assertRemovable: () => Promise<void>;

  /** @param assertRemovable throws while the trigger would write again what is removed or changed here */
  constructor(connection: Connection, own: OwnMetadata, assertRemovable: () => Promise<void>) {
    this.#connection = connection;
    this.#own = own;
    this.#assertRemovable = assertRemovable;
  }

  /** Everything that waits, one header per transaction, in the order of their stamps. One read-committed scan. */
  async headers(): Promise<OutboxHeader[]> {
    const found = new Map<string, { parts: Map<number, PartHeader>; first: Row | null; tx: string; at: bigint }>();
    for await (const row of this.#connection.stream(HEADERS, {}, 5000)) {
      const { tx, at } = row;
      // What users have put here themselves is no entry.
      if (typeof tx !== 'string' || typeof at !== 'bigint' || typeof row.id !== 'string') continue;
      const id = `${at}:${tx}`;
      const entry = found.get(id) ?? { parts: new Map<number, PartHeader>(), first: null, tx, at };
      found.set(id, entry);
      const part = Number(row.part);
      entry.parts.set(part, { elementId: row.id, part, size: Number(row.size) });
      if (part === 0) entry.first = row;
    }
    return [...found.values()].map(headerOf).sort(byStamp);
  }

  /** Payloads by elementId; of nodes that are gone, none. */
  async payloads(parts: readonly PartHeader[]): Promise<Map<string, Payload>> {
    const rows = await this.#connection.read(PAYLOADS, { ids: parts.map(({ elementId }) => elementId) });
    return new Map(
      rows.map(({ id, tx, part, text }) => [
        String(id),
        { tx, part: Number(part), text: typeof text === 'string' ? text : null },
      ]),
    );
  }

  async pending(): Promise<Pending> {
    const [row] = await this.#connection.read(
      `${WAITING} AND o._palinode_part = 0
       RETURN count(o) AS transactions, sum(o._palinode_changes) AS changes, min(o._palinode_at) AS oldest, max(o._palinode_at) AS newest`,
    );
    return {
      transactions: count(row?.transactions),
      changes: count(row?.changes),
      oldest: typeof row?.oldest === 'bigint' ? timeOf(row.oldest) : null,
      newest: typeof row?.newest === 'bigint' ? timeOf(row.newest) : null,
    };
  }

  /** Deletes the nodes of transactions: those that are given, else those that are found by the transaction. @throws CaptureError */
  async remove(ids: ReadonlyMap<string, readonly PartHeader[] | null>): Promise<void> {
    if (ids.size === 0) return;
    await this.#assertRemovable();
    for (const some of wholeTransactions(ids)) {
      const params = {
        ids: some.flatMap(([, parts]) => parts.map(({ elementId }) => elementId)),
        txs: some.map(([tx]) => tx),
      };
      await this.#write(
        `MATCH (o) WHERE elementId(o) IN $ids AND o:${OUTBOX_LABEL} AND NOT o:${GAP_LABEL} AND o._palinode_tx IN $txs DETACH DELETE o`,
        params,
      );
    }
    const unknown = [...ids].filter(([, parts]) => parts === null).map(([tx]) => tx);
    if (unknown.length === 0) return;
    await this.#write(`${WAITING} AND o._palinode_tx IN $txs DETACH DELETE o`, { txs: unknown });
  }

  /** Leaves a note in place of an entry that cannot be read: its changes are lost. @throws CaptureError */
  async giveUp({ tx, parts }: OutboxHeader): Promise<void> {
    await this.#assertRemovable();
    for (let at = 0; at < parts.length; at += NODES_PER_DELETE) {
      const ids = parts.slice(at, at + NODES_PER_DELETE).map(({ elementId }) => elementId);
      await this.#write(
        `MATCH (o) WHERE elementId(o) IN $ids AND o:${OUTBOX_LABEL} AND o._palinode_tx = $tx SET o:${GAP_LABEL} REMOVE o._palinode_payload`,
        { ids, tx },
      );
    }
  }

  /** How many notes there are of transactions that were not captured. From Neo4j's own counters. */
  async gaps(): Promise<bigint> {
    const [row] = await this.#connection.read(`MATCH (o:${GAP_LABEL}) RETURN count(o) AS gaps`);
    return count(row?.gaps);
  }

  /** Some of these notes, by elementId and in its order. */
  async gapIds(limit: number): Promise<string[]> {
    const rows = await this.#connection.read(
      `MATCH (o:${GAP_LABEL}) WITH elementId(o) AS id LIMIT $limit RETURN id ORDER BY id`,
      { limit: BigInt(limit) },
    );
    return rows.map(({ id }) => String(id));
  }

  /** @throws CaptureError */
  async removeGaps(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#assertRemovable();
    for (let at = 0; at < ids.length; at += NODES_PER_DELETE) {
      const some = ids.slice(at, at + NODES_PER_DELETE);
      await this.#write(`MATCH (o) WHERE elementId(o) IN $ids AND o:${GAP_LABEL} DETACH DELETE o`, { ids: some });
    }
  }

  async #write(text: string, params: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#connection.writeOnce(text, params, { metadata: await this.#own.housekeeping() });
  }
}

export function timeOf(nanoseconds: bigint): Date {
  return new Date(Number(nanoseconds / 1_000_000n));
}

function headerOf(entry: { parts: Map<number, PartHeader>; first: Row | null; tx: string; at: bigint }): OutboxHeader {
  const counts = entry.first?.counts;
  const [parts = 0, changes = 0, rows = 0] = Array.isArray(counts) ? counts.map(Number) : [];
  const ordered = [...entry.parts.values()].sort((a, b) => a.part - b.part);
  const isComplete = parts > 0 && ordered.length === parts && ordered.every(({ part }, at) => part === at);
  const whose = typeof entry.first?.whose === 'string' ? entry.first.whose : '';
  return { tx: entry.tx, at: entry.at, changes, rows, whose, parts: ordered, isComplete };
}

/** Together at most so many nodes, unless one transaction has more: some of its nodes without the others would be taken for a damaged entry. */
function* wholeTransactions(
  ids: ReadonlyMap<string, readonly PartHeader[] | null>,
): Generator<readonly (readonly [tx: string, parts: readonly PartHeader[]])[]> {
  let some: (readonly [string, readonly PartHeader[]])[] = [];
  let nodes = 0;
  for (const [tx, parts] of ids) {
    if (parts === null) continue;
    if (some.length > 0 && nodes + parts.length > NODES_PER_DELETE) {
      yield some;
      some = [];
      nodes = 0;
    }
    some.push([tx, parts]);
    nodes += parts.length;
  }
  if (some.length > 0) yield some;
}

function byStamp(a: OutboxHeader, b: OutboxHeader): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  return a.tx < b.tx ? -1 : Number(a.tx > b.tx);
}

function count(value: unknown): bigint {
  return typeof value === 'bigint' ? value : 0n;
}
