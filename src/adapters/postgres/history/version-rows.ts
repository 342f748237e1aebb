import { entityId } from '../../../core/entities.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { HistoryEntry, VersionEntry } from '../../../ports/history.ts';
import { boolArray, byteaArray, int2Array, int8Array, textArray } from '../binary-arrays.ts';
import { toWire } from '../types.ts';
import { kindNumber } from './rows.ts';

const CLOSE = `
  UPDATE entity_versions v SET valid_to_seq = old.seq FROM (
    SELECT latest.id, c.seq FROM unnest($2::int2[], $3::text[], $4::int8[]) AS c (kind, key, seq) CROSS JOIN LATERAL (
      SELECT e.ctid AS id FROM entity_versions e WHERE e.graph_id = $1 AND e.kind = c.kind AND e.key = c.key
      ORDER BY e.valid_from_seq DESC LIMIT 1
    ) latest
  ) old WHERE v.ctid = old.id`;

const INSERT = `
  INSERT INTO entity_versions (graph_id, kind, key, valid_from_seq, valid_to_seq, present, labels, type, start_key, end_key,
    properties, hash, origins)
  SELECT $1, v.kind, v.key, v.from_seq, v.to_seq, v.present, v.labels::text[], v.type, v.start_key, v.end_key,
    v.properties::jsonb, v.hash, v.origins::jsonb
  FROM unnest($2::int2[], $3::text[], $4::int8[], $5::int8[], $6::bool[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::bytea[], $13::text[])
    AS v (kind, key, from_seq, to_seq, present, labels, type, start_key, end_key, properties, hash, origins)`;

const LABELS = `
  INSERT INTO entity_labels (graph_id, label, key)
  SELECT $1, l.label, l.key FROM unnest($2::text[], $3::text[]) AS l (label, key) ON CONFLICT DO NOTHING`;

/** The versions of entries as columns, ready to be stored in three statements however many there are. */
export class VersionRows {
  readonly #closed: [kinds: number[], keys: string[], seqs: bigint[]] = [[], [], []];
  readonly #labels: [labels: string[], keys: string[]] = [[], []];
  readonly #kinds: number[] = [];
  readonly #keys: string[] = [];
  readonly #from: bigint[] = [];
  readonly #to: (bigint | null)[] = [];
  readonly #present: boolean[] = [];
  readonly #labelSets: (string | null)[] = [];
  readonly #types: (string | null)[] = [];
  readonly #starts: (string | null)[] = [];
  readonly #ends: (string | null)[] = [];
  readonly #properties: (string | null)[] = [];
  readonly #hashes: (Uint8Array | null)[] = [];
  readonly #origins: (string | null)[] = [];
  readonly #last = new Map<string, number>();

  add(entry: HistoryEntry): void {
    for (const version of entry.versions) {
      this.#close(version, entry.seq);
      this.#open(version, entry.seq);
    }
  }

  /** Stores everything: what ends first, then what begins. */
  async store(tx: SqlExecutor, graphId: number): Promise<void> {
    if (this.#keys.length === 0) return;
    const [kinds, keys, seqs] = this.#closed;
    if (keys.length > 0) await tx.query(CLOSE, [graphId, int2Array(kinds), textArray(keys), int8Array(seqs)]);
    await tx.query(INSERT, [
      graphId,
      int2Array(this.#kinds),
      textArray(this.#keys),
      int8Array(this.#from),
      int8Array(this.#to),
      boolArray(this.#present),
      textArray(this.#labelSets),
      textArray(this.#types),
      textArray(this.#starts),
      textArray(this.#ends),
      textArray(this.#properties),
      byteaArray(this.#hashes),
      textArray(this.#origins),
    ]);
    const [labels, labelled] = this.#labels;
    if (labelled.length > 0) await tx.query(LABELS, [graphId, textArray(labels), textArray(labelled)]);
  }

  /** A version ends where the entity's next begins, which may be among these rows. */
  #close({ change, replaces }: VersionEntry, seq: bigint): void {
    if (!replaces) return;
    const earlier = this.#last.get(entityId(change));
    if (earlier !== undefined) {
      this.#to[earlier] = seq;
      return;
    }
    const [kinds, keys, seqs] = this.#closed;
    kinds.push(kindNumber(change.kind));
    keys.push(change.key);
    seqs.push(seq);
  }

  #open({ change, afterHash, origins }: VersionEntry, seq: bigint): void {
    const { after, before } = change;
    this.#last.set(entityId(change), this.#keys.length);
    this.#kinds.push(kindNumber(change.kind));
    this.#keys.push(change.key);
    this.#from.push(seq);
    this.#to.push(null);
    this.#present.push(after !== null);
    this.#labelSets.push(after?.kind === 'NODE' ? `${toWire(after.labels)}` : null);
    const relationship = after?.kind === 'RELATIONSHIP' ? after : null;
    this.#types.push(relationship?.type ?? null);
    this.#starts.push(relationship?.start ?? null);
    this.#ends.push(relationship?.end ?? null);
    this.#properties.push(after === null ? null : JSON.stringify(after.properties));
    this.#hashes.push(afterHash);
    this.#origins.push(origins === null ? null : JSON.stringify(origins));
    if (after?.kind !== 'NODE') return;
    const had = new Set(before?.kind === 'NODE' ? before.labels : []);
    for (const label of after.labels) {
      if (had.has(label)) continue;
      this.#labels[0].push(label);
      this.#labels[1].push(change.key);
    }
  }
}
