/**
 * Constraints on labels and relationship types, for whoever works in SQL:
 *
 *   SELECT graph_demo.add_constraint('person_email', 'UNIQUE', 'NODE', 'Person', '{email}');
 *   SELECT graph_demo.add_constraint('person_age', 'TYPE', 'NODE', 'Person', '{age}', '{INTEGER,FLOAT}');
 *   SELECT graph_demo.drop_constraint('person_email');
 *
 * Uniqueness is an index of the user's table, existence and type a trigger that looks at commit. What each is for stands in its
 * comment, which goes with it into dumps and away with it.
 */
export function constraintFunctions(schema: string): string {
  return [
    valueType(schema),
    meetDemand(schema),
    addConstraint(schema),
    dropConstraint(schema),
    constraintHolders(schema),
  ].join('\n');
}

/** What the comment of an index or trigger begins with that stands for a constraint; JSON follows. */
export const COMMENT_PREFIX = 'palinode constraint ';
/** The same of a trigger that is only part of one. */
const PART_PREFIX = 'palinode part of ';

const FIXED = 'SET search_path = pg_catalog, pg_temp';

const TAGS: readonly (readonly [string, string])[] = [
  ['$string', 'STRING'],
  ['$integer', 'INTEGER'],
  ['$float', 'FLOAT'],
  ['$bytes', 'BYTES'],
  ['$date', 'DATE'],
  ['$localTime', 'LOCAL_TIME'],
  ['$time', 'TIME'],
  ['$localDateTime', 'LOCAL_DATETIME'],
  ['$dateTime', 'DATETIME'],
  ['$duration', 'DURATION'],
  ['$point', 'POINT'],
];

const valueType = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.value_type(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE ${FIXED} AS $$
  SELECT CASE jsonb_typeof(value)
    WHEN 'string' THEN 'STRING'
    WHEN 'boolean' THEN 'BOOLEAN'
    WHEN 'number' THEN CASE WHEN value::numeric = trunc(value::numeric) THEN 'INTEGER' ELSE 'FLOAT' END
    ELSE CASE
      ${TAGS.map(([tag, type]) => `WHEN value ? '${tag}' THEN '${type}'`).join('\n      ')}
      ELSE 'LIST' || coalesce(' OF ' || (value #>> '{$list,of}'), '') END
  END
$$;`;

/** Arguments: subject, property, types as an array's text, the constraint's name; existence is asked for where there are no types. */
const meetDemand = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.meet_demand() RETURNS trigger LANGUAGE plpgsql ${FIXED} AS $$
DECLARE
  held jsonb;
  allowed CONSTANT text[] := TG_ARGV[2]::text[];
BEGIN
  -- What the row has become by the end of the transaction.
  IF TG_TABLE_NAME = 'nodes' THEN
    SELECT n.properties INTO held FROM ${schema}.nodes AS n WHERE n.key = NEW.key AND TG_ARGV[0] = ANY (n.labels);
  ELSE
    SELECT r.properties INTO held FROM ${schema}.relationships AS r WHERE r.key = NEW.key AND r.type = TG_ARGV[0];
  END IF;
  IF held IS NULL OR (held ? TG_ARGV[1] AND (allowed = '{}' OR ${schema}.value_type(held -> TG_ARGV[1]) = ANY (allowed)
    OR (held -> TG_ARGV[1] = '{"$list": {"of": null, "values": []}}' AND allowed::text ~ 'LIST'))) THEN RETURN NULL; END IF;
  IF NOT held ? TG_ARGV[1] AND allowed <> '{}' THEN RETURN NULL; END IF;
  RAISE EXCEPTION 'constraint % wants % of every % to be %', TG_ARGV[3], TG_ARGV[1], TG_ARGV[0],
    CASE WHEN allowed = '{}' THEN 'there' ELSE array_to_string(allowed, ' or ') END
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[3], DETAIL = format('Key (key)=(%s) does not have it so.', NEW.key);
END $$;`;

/** Fails when the graph does not meet the constraint now. One of EXISTENCE or TYPE is about one property. */
const addConstraint = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.add_constraint(name text, kind text, entity text, subject text, properties text[],
  types text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql ${FIXED} AS $$
DECLARE
  target CONSTANT text := CASE entity WHEN 'NODE' THEN 'nodes' WHEN 'RELATIONSHIP' THEN 'relationships' END;
  speaks CONSTANT text := CASE entity WHEN 'NODE' THEN format('%L = ANY (labels)', subject) ELSE format('type = %L', subject) END;
  note CONSTANT text := '${COMMENT_PREFIX}' || jsonb_build_object('kind', kind, 'entity', entity, 'subject', subject,
    'name', name, 'properties', to_jsonb(properties), 'types', to_jsonb(types))::text;
  property text;
  failing text;
  columns text := '';
BEGIN
  IF target IS NULL OR kind IS NULL OR kind NOT IN ('UNIQUE', 'EXISTENCE', 'TYPE', 'KEY') OR coalesce(cardinality(properties), 0) = 0
    OR (kind IN ('EXISTENCE', 'TYPE') AND cardinality(properties) <> 1) OR (kind = 'TYPE') <> (types <> '{}')
    OR ${schema}.names_fit(properties || subject) IS NOT TRUE OR ${schema}.name_fits(name) IS NOT TRUE OR octet_length(name) > 60 THEN
    RAISE EXCEPTION 'a constraint has a name of at most 60 bytes, is UNIQUE, EXISTENCE, TYPE or KEY of NODE or RELATIONSHIP, names a label or type and its properties, and types for TYPE'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF kind IN ('EXISTENCE', 'TYPE', 'KEY') THEN
    FOREACH property IN ARRAY properties LOOP
      EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER INSERT OR UPDATE ON ${schema}.%I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW '
        'WHEN (%s) EXECUTE FUNCTION ${schema}.meet_demand(%L, %L, %L, %L)', md5(name || '/' || property), target,
        CASE entity WHEN 'NODE' THEN format('%L = ANY (NEW.labels)', subject) ELSE format('NEW.type = %L', subject) END,
        subject, property, types, name);
      EXECUTE format('COMMENT ON TRIGGER %I ON ${schema}.%I IS %L', md5(name || '/' || property), target,
        CASE kind WHEN 'KEY' THEN '${PART_PREFIX}' || name ELSE note END);
      EXECUTE format('SELECT key FROM ${schema}.%I WHERE %s AND NOT (CASE WHEN properties ? %L THEN %L::text[] = ''{}''
        OR ${schema}.value_type(properties -> %L) = ANY (%L::text[]) ELSE %L::text[] <> ''{}'' END) LIMIT 1',
        target, speaks, property, types, property, types, types) INTO failing;
      IF failing IS NOT NULL THEN
        RAISE EXCEPTION 'constraint % is not met by %', name, failing USING ERRCODE = 'check_violation', CONSTRAINT = name;
      END IF;
    END LOOP;
  END IF;
  IF kind IN ('UNIQUE', 'KEY') THEN
    FOREACH property IN ARRAY properties LOOP
      columns := columns || CASE columns WHEN '' THEN '' ELSE ', ' END || format('md5((properties -> %L)::text)', property);
    END LOOP;
    EXECUTE format('CREATE UNIQUE INDEX %I ON ${schema}.%I (%s) WHERE %s', name, target, columns, speaks);
    EXECUTE format('COMMENT ON INDEX ${schema}.%I IS %L', name, note);
  END IF;
END $$;`;

const dropConstraint = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.drop_constraint(name text) RETURNS void LANGUAGE plpgsql ${FIXED} AS $$
DECLARE
  made record;
BEGIN
  EXECUTE format('DROP INDEX IF EXISTS ${schema}.%I', name);
  FOR made IN SELECT t.tgname, c.relname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    CROSS JOIN LATERAL obj_description(t.oid, 'pg_trigger') AS note
    WHERE t.tgfoid = '${schema}.meet_demand()'::regprocedure AND (note = '${PART_PREFIX}' || name
      OR starts_with(note, '${COMMENT_PREFIX}') AND substr(note, ${COMMENT_PREFIX.length + 1})::jsonb ->> 'name' = name)
  LOOP
    EXECUTE format('DROP TRIGGER %I ON ${schema}.%I', made.tgname, made.relname);
  END LOOP;
END $$;`;

/** Literals make the planner see that the partial index serves. */
const constraintHolders = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.constraint_holders(entity text, subject text, properties text[], tuples jsonb)
RETURNS TABLE (at int, key text) LANGUAGE plpgsql STABLE ${FIXED} AS $$
DECLARE
  same text := '';
  property text;
  n int := 0;
BEGIN
  FOREACH property IN ARRAY properties LOOP
    same := same || format(' AND md5((e.properties -> %L)::text) = md5((t.tuple -> %s)::text)', property, n);
    n := n + 1;
  END LOOP;
  RETURN QUERY EXECUTE format('SELECT t.at::int - 1, e.key FROM jsonb_array_elements($1) WITH ORDINALITY AS t(tuple, at)
    CROSS JOIN LATERAL (SELECT e.key FROM ${schema}.%I AS e WHERE %s%s LIMIT 1) AS e',
    CASE entity WHEN 'NODE' THEN 'nodes' ELSE 'relationships' END,
    CASE entity WHEN 'NODE' THEN format('%L = ANY (e.labels)', subject) ELSE format('e.type = %L', subject) END, same) USING tuples;
END $$;`;
