import type { SqlExecutor } from '../../../ports/database.ts';
import type { HistoryEntry, VersionEntry } from '../../../ports/history.ts';
import { boolArray, byteaArray, int2Array, int8Array, textArray } from '../binary-arrays.ts';
import { toWire } from '../types.ts';
import { kindNumber } from './rows.ts';

const INSERT = `
  INSERT INTO entity_versions (graph_id, kind, key, valid_from_seq, present, labels, type, start_key, end_key,
    properties, hash, origins)
  SELECT $1, v.kind, v.key, v.from_seq, v.present, v.labels::text[], v.type, v.start_key, v.end_key,
    v.properties::json, v.hash, v.origins::json
  FROM unnest($2::int2[], $3::text[], $4::int8[], $5::bool[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::bytea[], $12::text[])
    AS v (kind, key, from_seq, present, labels, type, start_key, end_key, properties, hash, origins)`;

const LABELS = `
  INSERT INTO entity_labels (graph_id, label, key)
  SELECT $1, l.label, l.key FROM unnest($2::text[], $3::text[]) AS l (label, key) ON CONFLICT DO NOTHING`;

/** The versions of entries as columns, ready to be stored in two statements however many there are. */
export class VersionRows {
  readonly #labels: [labels: string[], keys: string[]] = [[], []];
  readonly #kinds: number[] = [];
  readonly #keys: string[] = [];
  readonly #from: bigint[] = [];
  readonly #present: boolean[] = [];
  readonly #labelSets: (string | null)[] = [];
  readonly #types: (string | null)[] = [];
  readonly #starts: (string | null)[] = [];
  readonly #ends: (string | null)[] = [];
  readonly #properties: (string | null)[] = [];
  readonly #hashes: (Uint8Array | null)[] = [];
  readonly #origins: (string | null)[] = [];

  add(entry: HistoryEntry): void {
    for (const version of entry.versions) this.#add(version, entry.seq);
  }

  /** Stores everything. */
  async store(tx: SqlExecutor, graphId: number): Promise<void> {
    if (this.#keys.length === 0) return;
    await tx.query(INSERT, [
      graphId,
      int2Array(this.#kinds),
      textArray(this.#keys),
      int8Array(this.#from),
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

  #add({ change, afterHash, origins }: VersionEntry, seq: bigint): void {
    const { after, before } = change;
    this.#kinds.push(kindNumber(change.kind));
    this.#keys.push(change.key);
    this.#from.push(seq);
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
