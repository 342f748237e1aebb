import { PGlite } from '@electric-sql/pglite';

/** Run by pglite-folder.ts as a process of its own: makes the data folder that it is given, and ends. */
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('which folder?');
const pglite = await PGlite.create({ dataDir: folder });
await pglite.close();
