/**
 * Functions that say whether stored JSON is the wire encoding of a value (see core/values.ts). What they
 * accept, `decodeValue` accepts; every canonical value is accepted. They are called by CHECK constraints,
 * and only for what the constraint's own expression could not judge.
 */
export function valueFunctions(schema: string): string {
  return [
    nameFunctions(schema),
    numberFunctions(schema),
    textFunctions(schema),
    payloadFunctions(schema),
    valuesFunction(schema),
  ].join('\n');
}

/** Pure and independent of the caller's settings; floats are printed in their shortest form. */
const PURE = 'IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1';

const nameFunctions = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.name_fits(name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT octet_length(name) > 0 AND (octet_length(name) <= 512
    OR length(name) + length(regexp_replace(name, '[^\\U00010000-\\U0010FFFF]', '', 'g')) <= 512)
$$;
CREATE OR REPLACE FUNCTION ${schema}.names_fit(names text[]) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
BEGIN
  RETURN NOT EXISTS (SELECT FROM unnest(names) AS name WHERE ${schema}.name_fits(name) IS NOT TRUE);
END $$;
CREATE OR REPLACE FUNCTION ${schema}.property_names_fit(properties jsonb) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
BEGIN
  RETURN NOT EXISTS (SELECT FROM jsonb_object_keys(properties) AS name WHERE NOT ${schema}.name_fits(name));
END $$;`;

// A whole number of at most 17 digits names one double; a fractional one must be the shortest text of its
// double, so that reading it loses nothing.
const numberFunctions = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.float_number_fits(number text) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  exact CONSTANT numeric := number::numeric;
  nearest CONSTANT double precision := number::double precision;
BEGIN
  IF exact = trunc(exact) THEN
    RETURN length(trim(trailing '0' from trunc(abs(exact))::text)) <= 17;
  END IF;
  RETURN nearest::text::numeric = exact;
END $$;
CREATE OR REPLACE FUNCTION ${schema}.float_text_fits(number text) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
BEGIN
  IF number IN ('NaN', 'Infinity', '-Infinity') THEN RETURN true; END IF;
  RETURN number ~ '^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?$' AND number::double precision IS NOT NULL;
END $$;
CREATE OR REPLACE FUNCTION ${schema}.integer_fits(number numeric) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT number = trunc(number) AND number BETWEEN -9223372036854775808 AND 9223372036854775807
$$;`;

const CLOCK = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?';
const OFFSET = '(Z|[+-](0[0-9]|1[0-7]):[0-5][0-9](:[0-5][0-9])?|[+-]18:00(:00)?)';
const ZONE = '(\\[[A-Za-z][A-Za-z0-9~/._+-]{1,99}\\])?';
const part = (unit: string): string => `(?:([+-]?[0-9]{1,19})${unit})?`;
const DURATION = `^P${part('Y')}${part('M')}${part('W')}${part('D')}(?:T${part('H')}${part('M')}${part('(?:\\.[0-9]{1,9})?S')})?$`;

const textFunctions = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.date_fits(date text) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  parts CONSTANT text[] := regexp_match(date, '^([+-]?[0-9]{4,9})-(0[1-9]|1[0-2])-([0-3][0-9])$');
  year CONSTANT integer := parts[1];
BEGIN
  RETURN parts IS NOT NULL AND parts[3]::integer BETWEEN 1 AND CASE
    WHEN parts[2] <> '02' THEN (ARRAY[31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[parts[2]::integer]
    WHEN year % 4 = 0 AND (year % 100 <> 0 OR year % 400 = 0) THEN 29 ELSE 28 END;
END $$;
CREATE OR REPLACE FUNCTION ${schema}.duration_fits(duration text) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  p CONSTANT numeric[] := regexp_match(duration, '${DURATION}');
  seconds CONSTANT numeric := coalesce(p[5], 0) * 3600 + coalesce(p[6], 0) * 60 + coalesce(p[7], 0);
BEGIN
  RETURN p IS NOT NULL AND duration !~ '[PT]$'
    AND ${schema}.integer_fits(coalesce(p[1], 0) * 12 + coalesce(p[2], 0))
    AND ${schema}.integer_fits(coalesce(p[3], 0) * 7 + coalesce(p[4], 0))
    AND ${schema}.integer_fits(seconds)
    -- Seconds are kept rounded down: a negative fraction needs room below.
    AND (strpos(duration, '.') = 0 OR seconds > -9223372036854775808);
END $$;
CREATE OR REPLACE FUNCTION ${schema}.base64_fits(base64 text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT length(base64) % 4 = 0 AND base64 ~ '^[A-Za-z0-9+/]*={0,2}$'
$$;
CREATE OR REPLACE FUNCTION ${schema}.text_fits(type text, payload text) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
BEGIN
  RETURN CASE type
    WHEN 'BYTES' THEN ${schema}.base64_fits(payload)
    WHEN 'DATE' THEN ${schema}.date_fits(payload)
    WHEN 'LOCAL_TIME' THEN payload ~ '^${CLOCK}$'
    WHEN 'TIME' THEN payload ~ '^${CLOCK}${OFFSET}$'
    WHEN 'LOCAL_DATETIME' THEN ${schema}.date_fits(split_part(payload, 'T', 1))
      AND substr(payload, strpos(payload, 'T') + 1) ~ '^${CLOCK}$'
    WHEN 'DATETIME' THEN ${schema}.date_fits(split_part(payload, 'T', 1))
      AND substr(payload, strpos(payload, 'T') + 1) ~ '^${CLOCK}${OFFSET}${ZONE}$'
    WHEN 'DURATION' THEN ${schema}.duration_fits(payload)
    ELSE false END;
END $$;`;

const payloadFunctions = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.point_fits(point jsonb) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
BEGIN
  IF jsonb_typeof(point) <> 'object' OR point - 'srid' - 'coordinates' <> '{}'
    OR jsonb_typeof(point -> 'coordinates') IS DISTINCT FROM 'array' OR NOT point ? 'srid' THEN RETURN false; END IF;
  RETURN CASE WHEN point -> 'srid' IN ('4326', '7203') THEN jsonb_array_length(point -> 'coordinates') = 2
              WHEN point -> 'srid' IN ('4979', '9157') THEN jsonb_array_length(point -> 'coordinates') = 3
              ELSE false END
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(point -> 'coordinates') AS c WHERE NOT ${schema}.payload_fits('FLOAT', c));
END $$;
CREATE OR REPLACE FUNCTION ${schema}.payload_fits(type text, payload jsonb) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  form CONSTANT text := jsonb_typeof(payload);
  content CONSTANT text := payload #>> '{}';
BEGIN
  IF type = 'BOOLEAN' THEN RETURN form = 'boolean'; END IF;
  IF type = 'POINT' THEN RETURN ${schema}.point_fits(payload); END IF;
  IF type = 'STRING' THEN
    RETURN form = 'string' OR (form = 'object' AND payload - '$string' = '{}' AND payload ? '$string'
      AND ${schema}.tag_fits('$string', payload -> '$string'));
  END IF;
  IF form = 'number' THEN
    RETURN CASE type WHEN 'INTEGER' THEN content::numeric = trunc(content::numeric) AND abs(content::numeric) <= 9007199254740991
                     WHEN 'FLOAT' THEN ${schema}.float_number_fits(content) ELSE false END;
  END IF;
  IF form <> 'string' THEN RETURN false; END IF;
  RETURN CASE type WHEN 'INTEGER' THEN content ~ '^[+-]?[0-9]{1,40}$' AND ${schema}.integer_fits(content::numeric)
                   WHEN 'FLOAT' THEN ${schema}.float_text_fits(content)
                   ELSE ${schema}.text_fits(type, content) END;
END $$;
CREATE OR REPLACE FUNCTION ${schema}.list_fits(list jsonb) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  of CONSTANT text := list ->> 'of';
  items CONSTANT jsonb := list -> 'values';
BEGIN
  IF jsonb_typeof(list) <> 'object' OR list - 'of' - 'values' <> '{}' OR NOT list ? 'of' OR items IS NULL
    OR jsonb_typeof(items) <> 'array' OR jsonb_typeof(list -> 'of') NOT IN ('string', 'null') THEN RETURN false; END IF;
  IF of IS NULL THEN RETURN items = '[]'; END IF;
  IF of NOT IN ('BOOLEAN', 'INTEGER', 'FLOAT', 'STRING', 'BYTES', 'DATE', 'LOCAL_TIME', 'TIME', 'LOCAL_DATETIME',
    'DATETIME', 'DURATION', 'POINT') THEN RETURN false; END IF;
  -- Vectors are long, so lists of plain fractions are judged at once rather than element by element.
  IF of = 'FLOAT' AND NOT jsonb_path_exists(items, 'strict $[*] ? (@.type() != "number" || @.floor() == @)') THEN
    RETURN NOT EXISTS (SELECT FROM jsonb_array_elements_text(items) AS e WHERE e::double precision::text::numeric <> e::numeric);
  END IF;
  RETURN NOT EXISTS (SELECT FROM jsonb_array_elements(items) AS e WHERE ${schema}.payload_fits(of, e) IS NOT TRUE);
END $$;
CREATE OR REPLACE FUNCTION ${schema}.tag_fits(tag text, payload jsonb) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  content CONSTANT text := payload #>> '{}';
  type CONSTANT text := CASE tag WHEN '$integer' THEN 'INTEGER' WHEN '$float' THEN 'FLOAT' WHEN '$bytes' THEN 'BYTES'
    WHEN '$date' THEN 'DATE' WHEN '$localTime' THEN 'LOCAL_TIME' WHEN '$time' THEN 'TIME' WHEN '$point' THEN 'POINT'
    WHEN '$localDateTime' THEN 'LOCAL_DATETIME' WHEN '$dateTime' THEN 'DATETIME' WHEN '$duration' THEN 'DURATION' END;
BEGIN
  IF tag = '$list' THEN RETURN ${schema}.list_fits(payload); END IF;
  IF tag = '$string' THEN
    RETURN jsonb_typeof(payload) = 'string' AND ${schema}.base64_fits(content)
      AND octet_length(decode(content, 'base64')) % 2 = 0;
  END IF;
  RETURN type IS NOT NULL AND (type = 'POINT' OR jsonb_typeof(payload) = 'string') AND ${schema}.payload_fits(type, payload);
END $$;`;

const valuesFunction = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.value_fits(value jsonb) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  form CONSTANT text := jsonb_typeof(value);
  tag text;
BEGIN
  IF form = 'string' OR form = 'boolean' THEN RETURN true; END IF;
  IF form = 'number' THEN
    IF value::numeric = trunc(value::numeric) THEN RETURN abs(value::numeric) <= 9007199254740991; END IF;
    RETURN ${schema}.float_number_fits(value #>> '{}');
  END IF;
  IF form <> 'object' THEN RETURN false; END IF;
  SELECT min(name) INTO tag FROM jsonb_object_keys(value) AS name;
  RETURN tag IS NOT NULL AND value - tag = '{}' AND ${schema}.tag_fits(tag, value -> tag);
EXCEPTION WHEN data_exception THEN
  -- A number beyond the range of a double, say.
  RETURN false;
END $$;
CREATE OR REPLACE FUNCTION ${schema}.property_values_fit(properties jsonb) RETURNS boolean LANGUAGE plpgsql ${PURE} AS $$
DECLARE
  name text;
  value jsonb;
BEGIN
  FOR name, value IN SELECT * FROM jsonb_each(properties) LOOP
    IF ${schema}.value_fits(value) IS NOT TRUE THEN
      RAISE EXCEPTION 'property % holds no value of the wire encoding: %', quote_ident(left(name, 60)), left(value::text, 120)
        USING ERRCODE = 'check_violation', CONSTRAINT = 'properties_hold_values',
        HINT = 'Whole numbers beyond 2^53 - 1, whole floats, dates, lists and the like are tagged: {"$integer":"9007199254740993"}, {"$float":"1.0"}, {"$date":"2024-02-29"}, {"$list":{"of":"STRING","values":["a"]}}.';
    END IF;
  END LOOP;
  RETURN true;
END $$;`;
