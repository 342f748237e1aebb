/**
 * The graph itself: two plain tables that any SQL client reads and writes, and the service's own records
 * beside them. Each constraint that a writer can meet has a name that says what is wrong.
 */
export function tables(schema: string): string {
  return `
CREATE TABLE IF NOT EXISTS ${schema}.nodes (
  key text COLLATE "C" CONSTRAINT nodes_key PRIMARY KEY,
  labels text[] NOT NULL DEFAULT '{}',
  properties jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT key_is_a_name CHECK (${schema}.name_fits(key)),
  CONSTRAINT labels_are_names CHECK (${labelsCheck(schema)}),
  CONSTRAINT properties_hold_values CHECK (${propertiesCheck(schema)})
);
CREATE TABLE IF NOT EXISTS ${schema}.relationships (
  key text COLLATE "C" CONSTRAINT relationships_key PRIMARY KEY DEFAULT gen_random_uuid()::text,
  type text NOT NULL,
  start_key text COLLATE "C" NOT NULL CONSTRAINT relationships_start REFERENCES ${schema}.nodes (key),
  end_key text COLLATE "C" NOT NULL CONSTRAINT relationships_end REFERENCES ${schema}.nodes (key),
  properties jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT key_is_a_name CHECK (${schema}.name_fits(key)),
  CONSTRAINT type_is_a_name CHECK (${schema}.name_fits(type)),
  CONSTRAINT properties_hold_values CHECK (${propertiesCheck(schema)})
);
CREATE INDEX IF NOT EXISTS relationships_by_start ON ${schema}.relationships (start_key);
CREATE INDEX IF NOT EXISTS relationships_by_end ON ${schema}.relationships (end_key);
${outbox(schema)}
${service(schema)}`;
}

/** Constraints and indexes that every graph has: no part of its schema as users see it. */
export const BUILT_IN: readonly string[] = [
  'nodes_key',
  'relationships_key',
  'relationships_start',
  'relationships_end',
  'relationships_by_start',
  'relationships_by_end',
  'key_is_a_name',
  'type_is_a_name',
  'labels_are_names',
  'properties_hold_values',
];

/** A flat array of names, the functions being asked only for what a short expression cannot judge. */
const labelsCheck = (schema: string): string =>
  `labels = '{}' OR (array_ndims(labels) = 1 AND array_lower(labels, 1) = 1 AND array_position(labels, NULL) IS NULL
    AND array_position(labels, '') IS NULL AND (octet_length(array_to_string(labels, '')) <= 512 OR ${schema}.names_fit(labels)))`;

/**
 * One jsonpath passes strings, booleans, whole numbers and short fractions; concatenation with '{}' gives
 * the uncompressed size, and a small object has no long name.
 */
const propertiesCheck = (schema: string): string =>
  `jsonb_typeof(properties) = 'object' AND NOT properties ? ''
    AND (pg_column_size(properties || '{}') <= 512 OR ${schema}.property_names_fit(properties))
    AND (NOT jsonb_path_exists(properties, '${NOT_PLAIN}') OR ${schema}.property_values_fit(properties))`;

const NOT_PLAIN =
  'strict $.* ? (@.type() != "string" && @.type() != "boolean" && !(@.type() == "number" ' +
  '&& @ >= -9007199254740991 && @ <= 9007199254740991 && (@.floor() == @ ' +
  '|| @ > -100000000 && @ < 100000000 && (@ * 1000000).floor() == @ * 1000000)))';

/**
 * What capture writes. `xid` is the writing transaction; it is below zero for what an earlier life of the
 * database (before a dump was restored) left behind.
 */
const outbox = (schema: string): string => `
CREATE SEQUENCE IF NOT EXISTS ${schema}.commit_order;
CREATE SEQUENCE IF NOT EXISTS ${schema}.outbox_rows CACHE 256;
CREATE TABLE IF NOT EXISTS ${schema}.outbox_transactions (
  xid bigint PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  ord bigint UNIQUE,
  horizon bigint,
  committed_at timestamptz,
  session text,
  actor text,
  source text NOT NULL,
  operation text,
  changes bigint
);
CREATE TABLE IF NOT EXISTS ${schema}.outbox (
  xid bigint NOT NULL,
  kind "char" NOT NULL,
  key text COLLATE "C" NOT NULL,
  n bigint NOT NULL DEFAULT nextval('${schema}.outbox_rows'),
  labels_before text[],
  labels_after text[],
  type text,
  start_key text COLLATE "C",
  end_key text COLLATE "C",
  before jsonb,
  after jsonb,
  PRIMARY KEY (xid, kind, key, n)
);`;

const service = (schema: string): string => `
CREATE TABLE IF NOT EXISTS ${schema}.capture (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL,
  store text NOT NULL,
  triggers jsonb NOT NULL,
  newest_recorded bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS ${schema}.incidents (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind text NOT NULL,
  message text NOT NULL
);
CREATE TABLE IF NOT EXISTS ${schema}.markers (
  operation text COLLATE "C" PRIMARY KEY,
  token bigint NOT NULL,
  batch bigint NOT NULL
);`;
