import { constraintFunctions } from './ddl-constraints.ts';
import { valueFunctions } from './ddl-values.ts';

/**
 * The tables of a scratch graph: what a graph has but capture, unlogged since nothing in them outlives its use. `source` is the schema of the
 * graph whose columns, defaults and checks they take over; without it they are plain.
 */
export function scratchTables(schema: string, source: string | null): string {
  return `
CREATE SCHEMA ${schema};
${valueFunctions(schema)}
${constraintFunctions(schema)}
CREATE UNLOGGED TABLE ${schema}.nodes (${source === null ? PLAIN_NODES : like(`${source}.nodes`)});
CREATE UNLOGGED TABLE ${schema}.relationships (${source === null ? PLAIN_RELATIONSHIPS : like(`${source}.relationships`)});
ALTER TABLE ${schema}.nodes ADD CONSTRAINT nodes_key PRIMARY KEY (key);
ALTER TABLE ${schema}.relationships ADD CONSTRAINT relationships_key PRIMARY KEY (key),
  ADD CONSTRAINT relationships_start FOREIGN KEY (start_key) REFERENCES ${schema}.nodes (key),
  ADD CONSTRAINT relationships_end FOREIGN KEY (end_key) REFERENCES ${schema}.nodes (key);
CREATE INDEX relationships_by_start ON ${schema}.relationships (start_key);
CREATE INDEX relationships_by_end ON ${schema}.relationships (end_key);
CREATE UNLOGGED TABLE ${schema}.markers (operation text COLLATE "C" PRIMARY KEY, token bigint NOT NULL, batch bigint NOT NULL);
CREATE UNLOGGED TABLE ${schema}.copied (kind "char" NOT NULL, key text COLLATE "C" NOT NULL, PRIMARY KEY (kind, key));`;
}

const like = (table: string): string =>
  `LIKE ${table} INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS EXCLUDING COMMENTS`;

const PLAIN_NODES = `key text COLLATE "C", labels text[] NOT NULL, properties jsonb NOT NULL`;
const PLAIN_RELATIONSHIPS = `key text COLLATE "C", type text NOT NULL, start_key text COLLATE "C" NOT NULL,
  end_key text COLLATE "C" NOT NULL, properties jsonb NOT NULL`;
