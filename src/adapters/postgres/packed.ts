import type { SqlExecutor } from '../../ports/database.ts';

/** How a column comes out of JSON: as JSON has it, or as the type that JSON has no form for. */
export type PackedType = 'json' | 'bigint' | 'bytes';

/** Columns by their name in the query; the order is free. */
export type PackedColumns<Row> = { readonly [Name in keyof Row & string]: PackedType };

const EXPRESSIONS: Readonly<Record<PackedType, (column: string) => string>> = {
  json: (column) => column,
  bigint: (column) => `${column}::text`,
  bytes: (column) => `encode(${column}, 'hex')`,
};

/**
 * Runs a query whose result comes back as one JSON document. For thousands of rows that is several times faster than a value at a
 * time, most of all on PGlite, where every value costs an allocation. The rows keep the order of the query.
 */
export async function packedQuery<Row>(
  on: SqlExecutor,
  columns: PackedColumns<Row>,
  text: string,
  params: readonly unknown[],
): Promise<Row[]> {
  const entries = Object.entries<PackedType>(columns);
  const list = entries.map(([name, type]) => EXPRESSIONS[type](`packed."${name}"`)).join(', ');
  const { rows } = await on.query<{ document: unknown[][] | null }>(
    `SELECT json_agg(json_build_array(${list})) AS document FROM (${text}) AS packed`,
    params,
  );
  return (rows[0]?.document ?? []).map((values) => {
    const row: Record<string, unknown> = {};
    for (const [at, [name, type]] of entries.entries()) row[name] = decode(values[at], type);
    // The columns are the row's own names, and their types are the caller's to say, as with any query.
    return row as Row;
  });
}

function decode(value: unknown, type: PackedType): unknown {
  if (value === null || type === 'json') return value;
  return type === 'bigint' ? BigInt(String(value)) : Buffer.from(String(value), 'hex');
}
