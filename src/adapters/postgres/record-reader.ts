import type { Page, PageRequest } from '../../core/moments.ts';
import type { Database } from '../../ports/database.ts';
import type {
  Listed,
  ParentKey,
  RecordFilter,
  RecordName,
  RecordPosition,
  RecordQuery,
  RecordReader,
  RecordTypes,
} from '../../ports/records.ts';
import { columnOf, RECORD_TABLES, type RecordTable } from './record-tables.ts';

const PARENT = '$parent';
const POSITION = '$position';

type Row = Record<string, unknown> & { readonly [PARENT]: ParentKey; readonly [POSITION]: string[] };

/** Reads pages of records for many parents with one LATERAL statement a level. */
export class PostgresRecordReader implements RecordReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async pages<Name extends RecordName>(
    query: RecordQuery<Name>,
    parents: readonly ParentKey[],
    page: PageRequest<RecordPosition>,
  ): Promise<Map<ParentKey, Page<Listed<RecordTypes[Name]>>>> {
    const table = RECORD_TABLES[query.record];
    const params = new Parameters();
    const text = pageStatement(table, query, params, parents, page);
    const { rows } = await this.#database.query<Row>(text, params.values);
    const byParent = new Map<ParentKey, Listed<RecordTypes[Name]>[]>(parents.map((parent) => [parent, []]));
    for (const row of rows) {
      const { [PARENT]: parent, [POSITION]: position, ...record } = row;
      // The columns selected are the fields of the record's Prisma model that lists promise, read with the same types.
      byParent.get(parent)?.push({ record: record as unknown as RecordTypes[Name], position });
    }
    const result = new Map<ParentKey, Page<Listed<RecordTypes[Name]>>>();
    for (const [parent, found] of byParent) {
      const items = found.slice(0, page.limit);
      if (page.backwards === true) items.reverse();
      result.set(parent, { items, hasMore: found.length > page.limit });
    }
    return result;
  }

  async counts(query: RecordQuery, parents: readonly ParentKey[]): Promise<Map<ParentKey, bigint>> {
    const table = RECORD_TABLES[query.record];
    const params = new Parameters();
    const parent = columnOf(query.parent);
    const list = `${params.add(parents)}::${parentType(table, query.parent)}[]`;
    const where = [`${parent} = ANY(${list})`, ...conditions(table, query.filters, params)].join(' AND ');
    const text = `SELECT ${parent} AS parent, count(*) AS count FROM ${table.table} t WHERE ${where} GROUP BY 1`;
    const { rows } = await this.#database.query<{ parent: ParentKey; count: bigint }>(text, params.values);
    const counted = new Map(rows.map((row) => [row.parent, row.count]));
    return new Map(parents.map((key) => [key, counted.get(key) ?? 0n]));
  }
}

class Parameters {
  readonly values: unknown[] = [];
  /** The placeholder of a value. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

function pageStatement(
  table: RecordTable,
  query: RecordQuery,
  params: Parameters,
  parents: readonly ParentKey[],
  page: PageRequest<RecordPosition>,
): string {
  const list = `${params.add(parents)}::${parentType(table, query.parent)}[]`;
  const order = table.order.map((field) => `t.${columnOf(field)}`);
  const position = `ARRAY[${order.map((column) => `${column}::text`).join(', ')}]`;
  const fields = table.fields.filter((field) => table.omitted?.includes(field) !== true);
  const columns = fields.map((field) => `t.${columnOf(field)} AS "${field}"`);
  const bound = (at: RecordPosition, sign: string): string =>
    `(${order.join(', ')}) ${sign} (${at.map((part) => params.add(part)).join(', ')})`;
  const where = [`t.${columnOf(query.parent)} = p.key`, ...conditions(table, query.filters, params)];
  if (page.after !== undefined) where.push(bound(page.after, table.descending ? '<' : '>'));
  if (page.before !== undefined) where.push(bound(page.before, table.descending ? '>' : '<'));
  const direction = table.descending === (page.backwards === true) ? 'ASC' : 'DESC';
  const sorted = order.map((column) => `${column} ${direction}`).join(', ');
  return `SELECT p.key AS "${PARENT}", r.* FROM unnest(${list}) AS p(key) CROSS JOIN LATERAL (
    SELECT ${columns.join(', ')}, ${position} AS "${POSITION}" FROM ${table.table} t
    WHERE ${where.join(' AND ')} ORDER BY ${sorted} LIMIT ${params.add(page.limit + 1)}) r`;
}

function conditions(table: RecordTable, filters: readonly RecordFilter[], params: Parameters): string[] {
  return filters.map(({ field, is, value }) => {
    if (!table.fields.includes(field)) throw new RangeError(`${table.table} has no field ${field}`);
    const column = `t.${columnOf(field)}`;
    // PostgreSQL's text cannot hold U+0000, so no record has it; asking would be an error there.
    if (typeof value === 'string' && value.includes('\0')) return is === 'DIFFERENT' ? 'true' : 'false';
    switch (is) {
      case 'EQUAL':
        return `${column} = ${params.add(value)}`;
      case 'DIFFERENT':
        return `${column} IS DISTINCT FROM ${params.add(value)}`;
      case 'ANY':
        return `${column} = ANY(${params.add(storable(value))})`;
      case 'ABOVE':
        return `${column} > ${params.add(value)}`;
      case 'AT_MOST':
        return `${column} <= ${params.add(value)}`;
      case 'ABSENT':
        return `${column} IS NULL`;
      default:
        return is satisfies never;
    }
  });
}

function parentType(table: RecordTable, field: string): string {
  const type = table.parents[field];
  if (type === undefined) throw new RangeError(`${table.table} is not listed by ${field}`);
  return type;
}

/** The values that a record can have: text without U+0000. */
function storable(value: unknown): unknown {
  return Array.isArray(value) ? value.filter((item) => typeof item !== 'string' || !item.includes('\0')) : value;
}
