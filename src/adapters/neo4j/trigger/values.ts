// Values in the trigger's payload. Read by outbox/values.ts.

const TEXTS = ['DATE', 'LOCAL TIME', 'ZONED TIME', 'LOCAL DATETIME', 'ZONED DATETIME', 'DURATION'];
const texts = TEXTS.map((type) => `'${type} NOT NULL'`).join(', ');
const lists = TEXTS.map((type) => `'LIST<${type} NOT NULL> NOT NULL'`).join(', ');
const point = (value: string) =>
  `CASE WHEN ${value}.srid IN [4979, 9157] THEN [${value}.srid, ${value}.x, ${value}.y, ${value}.z] ELSE [${value}.srid, ${value}.x, ${value}.y] END`;

// An empty list has elements of no type, and what an empty list of bytes is only its own type tells.
const isTexts = (value: string) => `(${value} IS :: LIST<STRING NOT NULL> NOT NULL AND size(${value}) > 0)`;

/** What all values of a column are: `0` when there are none, a letter when all are of one type that JSON carries as it is, else `X`. */
export function kindOf(values: string): string {
  const all = (test: string) => `all(v IN ${values} WHERE ${test})`;
  return `CASE WHEN ${all('v IS NULL')} THEN '0' WHEN ${all('v IS :: STRING')} THEN 'S' WHEN ${all('v IS :: INTEGER')} THEN 'I'
    WHEN ${all('v IS :: FLOAT')} THEN 'F' WHEN ${all('v IS :: BOOLEAN')} THEN 'B' WHEN ${all(`v IS NULL OR ${isTexts('v')}`)} THEN 'L' ELSE 'X' END`;
}

// Only the name of its class tells a byte array from a list of integers, both of which Cypher takes for the same. apoc.meta.cypher.type would
// say it, too, but keeps what it finds in a place that all transactions share: of two at the same time one gets the other's answer.
const isBytes = (value: string) => `apoc.text.format('%s', [${value}]) STARTS WITH '[B@'`;

/**
 * A float as those who read the graph get it, of 64 bits: JSON writes one of 32 bits, which procedures store and Cypher copies, in as few digits
 * as tell it from others of 32 bits, which is another number. Nothing tells them apart by type. Multiplied, since adding 0.0 loses the sign of -0.0.
 */
export const widened = (value: string): string => `${value} * 1.0`;

/**
 * Values as they are written down: `['0']` when there are none, the kind and the values when it is a letter, else `X` and of each value its
 * letter or its exact type, and what JSON carries of it without loss. Asking for the exact type of a value takes longest.
 */
export function valuesOf(kind: string, values: string): string {
  const exactly = `[t IN [valueType(v)] | CASE
      WHEN t IN [${texts}] THEN [t, toString(v)]
      WHEN t IN [${lists}] THEN [t, [e IN v | toString(e)]]
      WHEN t = 'LIST<FLOAT NOT NULL> NOT NULL' THEN [t, [e IN v | ${widened('e')}]]
      WHEN t = 'POINT NOT NULL' THEN [t, ${point('v')}]
      WHEN t = 'LIST<POINT NOT NULL> NOT NULL' THEN [t, [e IN v | ${point('e')}]]
      WHEN t = 'LIST<INTEGER NOT NULL> NOT NULL' THEN [CASE WHEN ${isBytes('v')} THEN 'BYTES' ELSE t END, v]
      ELSE [t, v] END][0]`;
  const each = `CASE WHEN v IS NULL THEN null WHEN v IS :: STRING THEN ['S', v] WHEN v IS :: INTEGER THEN ['I', v]
      WHEN v IS :: FLOAT THEN ['F', ${widened('v')}] WHEN v IS :: BOOLEAN THEN ['B', v] WHEN ${isTexts('v')} THEN ['L', v] ELSE ${exactly} END`;
  return `CASE ${kind} WHEN '0' THEN ['0'] WHEN 'X' THEN ['X', [v IN ${values} | ${each}]]
    WHEN 'F' THEN ['F', [v IN ${values} | ${widened('v')}]] ELSE [${kind}, ${values}] END`;
}

/** About how many characters the values of a column take. */
export function weightOf(kind: string, values: string): string {
  const heavy = `reduce(t = 0, v IN ${values} | t + ${weightOfOne('v')})`;
  return `CASE ${kind} WHEN '0' THEN 0 WHEN 'S' THEN reduce(t = 0, v IN ${values} | t + coalesce(size(v), 0))
    WHEN 'X' THEN ${heavy} WHEN 'L' THEN ${heavy} ELSE size(${values}) * 24 END`;
}

/** About how many characters one value takes. */
export function weightOfOne(value: string): string {
  return `CASE WHEN ${value} IS NULL THEN 0 WHEN ${value} IS :: STRING THEN size(${value})
    WHEN ${value} IS :: LIST<STRING NOT NULL> NOT NULL THEN reduce(n = 0, e IN ${value} | n + size(e) + 2) WHEN ${value} IS :: LIST<ANY> THEN size(${value}) * 24 ELSE 24 END`;
}
