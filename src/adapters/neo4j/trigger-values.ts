// Values in the trigger's payload. Read by outbox-values.ts.

const TEXTS = ['DATE', 'LOCAL TIME', 'ZONED TIME', 'LOCAL DATETIME', 'ZONED DATETIME', 'DURATION'];
const texts = TEXTS.map((type) => `'${type} NOT NULL'`).join(', ');
const lists = TEXTS.map((type) => `'LIST<${type} NOT NULL> NOT NULL'`).join(', ');
const point = (value: string) =>
  `CASE WHEN ${value}.srid IN [4979, 9157] THEN [${value}.srid, ${value}.x, ${value}.y, ${value}.z] ELSE [${value}.srid, ${value}.x, ${value}.y] END`;

/**
 * A column of values: `['0']` when there are none, a letter and the values when all are of one plain type, else `X` and of each value its
 * type and what JSON carries of it without loss.
 */
export function column(values: string): string {
  const all = (test: string) => `all(v IN ${values} WHERE v ${test})`;
  const each = `CASE valueType(v)
      WHEN 'NULL' THEN null
      WHEN ${texts} THEN [valueType(v), toString(v)]
      WHEN ${lists} THEN [valueType(v), [e IN v | toString(e)]]
      WHEN 'POINT NOT NULL' THEN ['POINT NOT NULL', ${point('v')}]
      WHEN 'LIST<POINT NOT NULL> NOT NULL' THEN ['LIST<POINT NOT NULL> NOT NULL', [e IN v | ${point('e')}]]
      WHEN 'LIST<INTEGER NOT NULL> NOT NULL' THEN [CASE WHEN apoc.meta.cypher.type(v) = 'LIST OF INTEGER' THEN 'LIST<INTEGER NOT NULL> NOT NULL' ELSE 'BYTES' END, v]
      ELSE [valueType(v), v] END`;
  return `CASE WHEN ${all('IS NULL')} THEN ['0'] WHEN ${all('IS :: STRING')} THEN ['S', ${values}] WHEN ${all('IS :: INTEGER')} THEN ['I', ${values}]
    WHEN ${all('IS :: FLOAT')} THEN ['F', ${values}] WHEN ${all('IS :: BOOLEAN')} THEN ['B', ${values}] ELSE ['X', [v IN ${values} | ${each}]] END`;
}

/** About how many characters the values of these rows take. */
export function weight(rows: string): string {
  return `reduce(w = 0, y IN ${rows} | w + reduce(t = 0, v IN [y.old, y.new] | t + CASE WHEN v IS NULL THEN 0 WHEN v IS :: STRING THEN size(v)
    WHEN v IS :: LIST<STRING NOT NULL> NOT NULL THEN reduce(n = 0, e IN v | n + size(e) + 2) WHEN v IS :: LIST<ANY> THEN size(v) * 24 ELSE 24 END))`;
}
