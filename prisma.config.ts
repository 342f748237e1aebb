import { defineConfig } from 'prisma/config';

// `prisma generate` runs no engine but insists on downloading one unless it is told of a program. The
// other commands keep Prisma's ordinary engine.
if (process.argv.includes('generate')) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(process.env.DATABASE_URL === undefined ? {} : { datasource: { url: process.env.DATABASE_URL } }),
});
