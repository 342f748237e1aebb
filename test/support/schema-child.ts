import { readFileSync } from 'node:fs';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
} from '@prisma/driver-adapter-utils';
import { SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';

/**
 * Prints the statements that `prisma migrate` would write to make a migrated database what schema.prisma says, as JSON. A process of
 * its own, since Prisma's engine is WebAssembly that jest's modules cannot load.
 */
const [, , url = '', change = ''] = process.argv;

const database = url.startsWith('postgres:') ? new PgDatabase({ url }) : await PgliteDatabase.open();
await migrate(database, 'prisma/migrations');
if (change !== '') await database.script(change);
const schema = readFileSync('prisma/schema.prisma', 'utf8');
const files = [{ path: 'schema.prisma', content: schema }];
const pool = url.startsWith('postgres:') ? new pg.Pool({ connectionString: url, max: 2 }) : null;
const adapter = bindMigrationAwareSqlAdapterFactory(pool === null ? database.prismaAdapter() : readingChars(pool));
const engine = await SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => {}, adapter);
const { stdout } = await engine.diff({
  from: { tag: 'schemaDatasource', files, configDir: '.' },
  to: { tag: 'schemaDatamodel', files },
  script: true,
  exitCode: null,
  filters: { externalTables: [], externalEnums: [] },
});
await database.close();
await pool?.end();
const lines = (stdout ?? '').split('\n').filter((line) => !line.startsWith('--'));
const statements = lines.join(' ').split(';');
console.log(JSON.stringify(statements.map((text) => text.trim().replace(/\s+/g, ' ')).filter((text) => text !== '')));

/** Prisma's adapter for servers does not know the type "char" of PostgreSQL's own tables, which its engine reads. */
function readingChars(pool: pg.Pool): SqlMigrationAwareDriverAdapterFactory {
  const [char, bpchar] = [18, 1042];
  const query = pool.query.bind(pool);
  const chars = new Set<string>();
  const reading = async (config: pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult> => {
    const result = await query(config, values);
    for (const field of result.fields.filter(({ dataTypeID }) => dataTypeID === char)) {
      chars.add(field.name);
      field.dataTypeID = bpchar;
    }
    return result;
  };
  const factory = new PrismaPg(Object.assign(pool, { query: reading }));
  const connect = factory.connect.bind(factory);
  return Object.assign(factory, {
    connect: async () => {
      const adapter = await connect();
      const queryRaw = adapter.queryRaw.bind(adapter);
      return Object.assign(adapter, {
        queryRaw: async (asked: SqlQuery) => {
          const result = await queryRaw(asked);
          const types = result.columnTypes.map((type, at) =>
            chars.has(result.columnNames[at] ?? '') ? ColumnTypeEnum.Character : type,
          );
          return { ...result, columnTypes: types };
        },
      });
    },
  });
}
