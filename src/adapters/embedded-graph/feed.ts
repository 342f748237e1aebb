import type { TransactionSource } from '../../core/moments.ts';
import type { FullTransaction } from '../../core/recording-types.ts';
import type { Database } from '../../ports/database.ts';

import { type PackedColumns, packedQuery } from '../postgres/packed.ts';
import { Coalescer } from './coalesce.ts';
import { CutJudge, isVisible, parseSnapshot, type Snapshot } from './cuts.ts';
import type { OutboxRow } from './states.ts';

const HEADERS_PER_PAGE = 2000;

const OUTBOX: PackedColumns<OutboxRow> = {
  xid: 'bigint',
  kind: 'json',
  key: 'json',
  n: 'bigint',
  labels_before: 'json',
  labels_after: 'json',
  type: 'json',
  start_key: 'json',
  end_key: 'json',
  before: 'json',
  after: 'json',
};

interface Header {
  readonly xid: bigint;
  readonly id: string;
  readonly ord: bigint;
  readonly horizon: bigint;
  readonly committed_at: Date;
  readonly session: string | null;
  readonly actor: string | null;
  readonly source: TransactionSource;
  readonly operation: string | null;
  readonly changes: bigint;
}

interface JudgedHeader extends Header {
  readonly cut: boolean;
}

/**
 * One scan of the outbox. The snapshot is noted as text at the beginning and every later page is filtered
 * by it, so the scan is one consistent view without a transaction that stays open between slices; the rows
 * of a committed transaction do not change.
 */
export class Feed {
  readonly #database: Database;
  readonly #schema: string;
  readonly #maxChanges: number;

  constructor(database: Database, schema: string, maxChanges: number) {
    this.#database = database;
    this.#schema = schema;
    this.#maxChanges = Math.max(1, maxChanges);
  }

  async *slices(): AsyncGenerator<readonly FullTransaction[]> {
    let group: JudgedHeader[] = [];
    let changes = 0;
    for await (const header of this.#judged()) {
      const size = Number(header.changes);
      if (group.length > 0 && (changes + size > this.#maxChanges || group.length >= HEADERS_PER_PAGE)) {
        yield await this.#small(group);
        group = [];
        changes = 0;
      }
      if (size > this.#maxChanges) yield* this.#large(header);
      else {
        group.push(header);
        changes += size;
      }
    }
    if (group.length > 0) yield await this.#small(group);
  }

  async *#judged(): AsyncGenerator<JudgedHeader> {
    const { rows } = await this.#database.query<{ snapshot: string; newest_recorded: bigint }>(
      `SELECT pg_current_snapshot()::text AS snapshot, newest_recorded FROM ${this.#schema}.capture`,
    );
    const [view] = rows;
    if (view === undefined) return;
    const judge = new CutJudge(view.newest_recorded);
    let waiting: Header | null = null;
    for await (const header of this.#headers(parseSnapshot(view.snapshot))) {
      if (waiting !== null) yield { ...waiting, cut: judge.isCut(waiting.xid, header.horizon) };
      waiting = header;
    }
    if (waiting !== null) yield { ...waiting, cut: judge.isCut(waiting.xid, null) };
  }

  async *#headers(snapshot: Snapshot): AsyncGenerator<Header> {
    let after = -1n;
    for (;;) {
      const { rows } = await this.#database.query<Header>(
        `SELECT xid, id, ord, horizon, committed_at, session, actor, source, operation, changes
         FROM ${this.#schema}.outbox_transactions WHERE ord > $1 AND xid < $2 ORDER BY ord LIMIT ${HEADERS_PER_PAGE}`,
        [after, snapshot.xmax],
      );
      for (const row of rows) if (isVisible(snapshot, row.xid)) yield row;
      const last = rows.at(-1);
      if (last === undefined || rows.length < HEADERS_PER_PAGE) return;
      after = last.ord;
    }
  }

  async #small(headers: readonly JudgedHeader[]): Promise<FullTransaction[]> {
    const rows = await packedQuery<OutboxRow>(
      this.#database,
      OUTBOX,
      `SELECT * FROM ${this.#schema}.outbox WHERE xid = ANY($1::bigint[]) ORDER BY xid, kind, key, n`,
      [headers.map(({ xid }) => xid)],
    );
    const rowsByXid = Map.groupBy(rows, ({ xid }) => xid);
    return headers.map((header) => {
      const own = rowsByXid.get(header.xid) ?? [];
      assertComplete(header, own.length);
      const coalescer = new Coalescer();
      const changes = [...coalescer.add(own), ...coalescer.finish()];
      return { ...transactionOf(header), changes, first: true, last: true };
    });
  }

  /** Pages by entity; the index gives the order, so a page costs the same wherever it lies. */
  async *#large(header: JudgedHeader): AsyncGenerator<readonly FullTransaction[]> {
    const total = Number(header.changes);
    const coalescer = new Coalescer();
    let after: [kind: string, key: string, n: bigint] = ['', '', -1n];
    for (let seen = 0; seen < total; ) {
      const rows = await packedQuery<OutboxRow>(
        this.#database,
        OUTBOX,
        `SELECT * FROM ${this.#schema}.outbox WHERE xid = $1 AND (kind, key, n) > ($2::"char", $3::text COLLATE "C", $4::bigint)
         ORDER BY kind, key, n LIMIT $5`,
        [header.xid, ...after, this.#maxChanges],
      );
      const end = rows.at(-1);
      if (end === undefined) assertComplete(header, seen);
      else after = [end.kind, end.key, end.n];
      const first = seen === 0;
      seen += rows.length;
      const last = seen >= total;
      const changes = [...coalescer.add(rows), ...(last ? coalescer.finish() : [])];
      yield [{ ...transactionOf(header), changes, first, last }];
    }
  }
}

function transactionOf(header: JudgedHeader): Omit<FullTransaction, 'changes' | 'first' | 'last'> {
  const { id, committed_at: time, source, actor, session, operation, cut } = header;
  return { id, time, source, actor, session, operation, cut };
}

/** A transaction that another reader acknowledged meanwhile must not pass as one that changed nothing. */
function assertComplete(header: Header, rows: number): void {
  if (rows === Number(header.changes)) return;
  throw new Error(`captured transaction ${header.id} was acknowledged by another reader during this scan`);
}
