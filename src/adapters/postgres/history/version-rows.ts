import type { HistoryEntry, VersionEntry } from '../../../ports/history.ts';
import { boolArray, byteaArray, int2Array, int8Array, textArray } from '../binary-arrays.ts';
import type { SqlParameters } from '../sql-parameters.ts';
import { toWire } from '../types.ts';
import { kindNumber } from './rows.ts';

/** The versions of entries as columns, ready to be stored in one statement however many there are. */
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

  /** The text that stores the versions, for a statement with these parameters. */
  insert(params: SqlParameters, graphId: string): string {
    const columns = [
      params.add(int2Array(this.#kinds), 'int2[]'),
      params.add(textArray(this.#keys), 'text[]'),
      params.add(int8Array(this.#from), 'int8[]'),
      params.add(boolArray(this.#present), 'bool[]'),
      params.add(textArray(this.#labelSets), 'text[]'),
      params.add(textArray(this.#types), 'text[]'),
      params.add(textArray(this.#starts), 'text[]'),
      params.add(textArray(this.#ends), 'text[]'),
      params.add(textArray(this.#properties), 'text[]'),
      params.add(byteaArray(this.#hashes), 'bytea[]'),
      params.add(textArray(this.#origins), 'text[]'),
    ];
    return `INSERT INTO entity_versions (graph_id, kind, key, valid_from_seq, present, labels, type, start_key, end_key, properties, hash, origins)
      SELECT ${graphId}, v.kind, v.key, v.from_seq, v.present, v.labels::text[], v.type, v.start_key, v.end_key,
        v.properties::json, v.hash, v.origins::json
      FROM unnest(${columns.join(', ')})
        AS v (kind, key, from_seq, present, labels, type, start_key, end_key, properties, hash, origins)`;
  }

  /** The same of labels that entities did not have before. */
  insertLabels(params: SqlParameters, graphId: string): string {
    const [labels, keys] = this.#labels;
    return `INSERT INTO entity_labels (graph_id, label, key)
      SELECT ${graphId}, l.label, l.key FROM unnest(${params.add(textArray(labels), 'text[]')}, ${params.add(textArray(keys), 'text[]')})
        AS l (label, key) ON CONFLICT DO NOTHING`;
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
